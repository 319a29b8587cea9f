"""wrk, the load: 64 connections from one thread, for some seconds; and reading what it prints."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from lab.bench.errors import BenchFailed
from lab.bench.harness.peers import WRK
from lab.bench.harness.processes import Cost, cost_of

CONNECTIONS = 64
RATE = re.compile(r"^Requests/sec:\s+([\d.]+)$", re.MULTILINE)
COUNT = re.compile(r"^\s+(\d+) requests in ", re.MULTILINE)
BAD_ANSWERS = re.compile(r"^\s+Non-2xx or 3xx responses: (\d+)$", re.MULTILINE)
SOCKET_ERRORS = re.compile(r"^\s+Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)$", re.MULTILINE)
MAX_ERRORS = 0.001
"""The part of failed requests above which a figure says nothing of answering."""


@dataclass(frozen=True, slots=True)
class Load:
    """The result of wrk, and its cost."""

    requests_per_s: float
    requests: int
    failed: int
    cost: Cost


def load(
    url: str,
    *,
    seconds: float,
    core: Sequence[str],
    fields: Sequence[str] = (),
    connections: int = CONNECTIONS,
    script: Path | None = None,
) -> Load:
    """Ask as fast as the answers come. Raises BenchFailed for a server that does not answer as it should.

    `script`: a file in Lua that changes requests.
    """
    path = WRK.path()
    if not path:
        raise BenchFailed("wrk", why="it is missing", evidence=(WRK.missing(),))
    words = [*ended_after(seconds), path, "--threads", "1", "--connections", str(connections)]
    words += ["--duration", f"{ceil(seconds)}s"]
    words += ["--script", str(script)] if script else []
    command = [*core, *words, *(word for field in fields for word in ("--header", field)), url]
    return read(cost_of("wrk", command, timeout_s=seconds + 30))


def ended_after(seconds: float) -> tuple[str, ...]:
    """Return what ends wrk after a part of a second: it knows whole seconds, and prints its figures at a SIGINT."""
    if seconds == ceil(seconds):
        return ()
    return ("timeout", "--preserve-status", "--signal=INT", f"{seconds:g}")


def read(cost: Cost) -> Load:
    """Return what wrk printed."""
    rate, count = RATE.search(cost.out), COUNT.search(cost.out)
    if not rate or not count:
        raise BenchFailed("wrk", why="it printed no figures", evidence=cost.out.splitlines())
    bad = BAD_ANSWERS.search(cost.out)
    errors = SOCKET_ERRORS.search(cost.out)
    failed = (int(bad[1]) if bad else 0) + (sum(map(int, errors.groups())) if errors else 0)
    if failed > int(count[1]) * MAX_ERRORS:
        raise BenchFailed("wrk", why=f"{failed:,} of {int(count[1]):,} requests failed", evidence=cost.out.splitlines())
    return Load(float(rate[1]), int(count[1]), failed, cost)
