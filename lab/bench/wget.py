"""`lab bench wget`: many heads, each on a new connection, beside curl, aiohttp's client and wrk.

All of them ask the same server for the same page, 64 at once. wrk only counts bytes: it is the ceiling. The others
write a record for each answer, and are timed as a person waits for them, from the start of the program to its end. The
server has one core. The clients may use every core, as on a person's machine; a survey of several processes does.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lab.bench.errors import BenchFailed
from lab.bench.harness import peers, servers
from lab.bench.harness.figures import Goal, Group, Result, Row
from lab.bench.harness.machine import Core
from lab.bench.harness.peers import CURL, NGINX, WRK
from lab.bench.harness.processes import Server, cost_of
from lab.bench.harness.rounds import Rounds, Say, interleaved
from lab.bench.harness.wrk import load
from services.runtime.files.temporary import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "site.bench"
CONCURRENCY = 64
LOOPS = ("uvloop", "asyncio")
CEILING = "wrk, the ceiling"
TIMEOUT_S = 120.0
GOALS = tuple(
    Goal("services.client, uvloop", ratio, against)
    for ratio, against in ((2.0, "curl --parallel"), (3.0, "aiohttp client, uvloop"), (0.6, CEILING))
)
RECORD_OF_CURL = "%{http_code} %{url} %{header_json}\\n"  # as the others': the target, the status, the fields


class Sample(NamedTuple):
    """The figures of one turn."""

    fetches_per_s: float
    cpu_s_per_1000: float
    peak_mib: float


Fetch = Callable[[Server], Sample]


def bench(rounds: Rounds, say: Say) -> Result:
    """Measure fetches a second, processor seconds for a thousand of them, and the most memory."""
    core = Core()
    notes = [peer.missing() for peer in (NGINX, CURL, WRK) if not peer.path()]
    with temporary_directory("asynclab-bench-") as directory:
        turns = [(name, partial(alone, turn, core, directory)) for name, turn in contestants(rounds)]
        measured = interleaved(turns, rounds.number, lambda line: say(f"wget: {line}"))
    by = "nginx, one worker" if NGINX.path() else "services.sites, uvloop"
    return Result(
        "wget",
        (
            group("wget", "fetches/s", measured, lambda turn: turn.fetches_per_s, goals=GOALS),
            group("wget: what they cost", "processor s/1,000", measured, lambda turn: turn.cpu_s_per_1000, lower=True),
            group("wget: memory", "MiB at most", measured, lambda turn: turn.peak_mib, lower=True),
        ),
        method=(
            f"{rounds.targets:,} targets, {CONCURRENCY} at once, a connection each, {rounds.in_turns()}",
            f"whole programs, start to end, each writing a record a target (wrk: none); served by {by}",
            "services.client connects a socket again where the address is the same; memory: the sum of all processes",
            f"{core.server_sentence()}; each turn has a server of its own",
            peers.sentence((NGINX, CURL, WRK)),
        ),
        notes=tuple(notes),
    )


def group(
    title: str,
    unit: str,
    measured: dict[str, list[Sample]],
    figure: Callable[[Sample], float],
    *,
    lower: bool = False,
    goals: tuple[Goal, ...] = (),
) -> Group:
    """Return one figure of all contestants, as ratios to the peer that people would use instead."""
    reference = next(name for name in ("curl --parallel", "aiohttp client, uvloop") if name in measured)
    return Group(
        title=title,
        unit=unit,
        rows=tuple(
            Row(name, tuple(figure(turn) for turn in turns), ours=name.startswith("services."))
            for name, turns in measured.items()
        ),
        reference=reference,
        higher_is_better=not lower,
        goals=goals,
    )


def page_server(core: Core, directory: Path) -> AbstractContextManager[Server]:
    """Serve the page: nginx, or the recorded sites where it is missing."""
    if NGINX.path():
        return servers.nginx(core.server)
    return recorded_page(core, directory)


@contextmanager
def recorded_page(core: Core, directory: Path) -> "Iterator[Server]":
    """Serve such a page from the recorded sites."""
    page = b"HTTP/1.1 200 OK\r\nServer: sites\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"
    for name in (HOST, "127.0.0.1"):
        (directory / f"{name}.http").write_bytes(page)
    with servers.sites(core.server, directory, loop="uvloop") as server:
        yield server


def alone(turn: Fetch, core: Core, directory: Path) -> Sample:
    """Let a contestant fetch from a new server: connections in TIME_WAIT would slow the next contestant."""
    with page_server(core, directory) as server:
        return turn(server)


def contestants(rounds: Rounds) -> list[tuple[str, Fetch]]:
    """Return all contestants that can run here."""
    turns: list[tuple[str, Fetch]] = []
    turns += [(f"services.client, {loop}", partial(client, rounds, loop)) for loop in LOOPS]
    if CURL.path():
        turns.append(("curl --parallel", partial(curl, rounds)))
    turns += [(f"aiohttp client, {loop}", partial(aiohttp_client, rounds, loop)) for loop in LOOPS]
    if WRK.path():
        turns.append((CEILING, partial(ceiling, rounds)))
    return turns


def client_command(server: Server, loop: str) -> list[str]:
    """Return the client's command line: targets on stdin, records on stdout."""
    words = ["wget", "--input", "-", "--format", "jsonl", "--quiet", "--concurrency", str(CONCURRENCY)]
    resolve = ["--resolve", f"{HOST}:80:127.0.0.1:{server.port}"]
    return [sys.executable, "-m", "services.client", *words, *resolve, "--loop", loop]


def client(rounds: Rounds, loop: str, server: Server) -> Sample:
    """Let this project's client fetch."""
    return program("client wget", client_command(server, loop), f"{HOST}\n", rounds, is_answered)


def aiohttp_client(rounds: Rounds, loop: str, server: Server) -> Sample:
    """Let aiohttp's client fetch."""
    words = ["-m", "lab.bench.baselines.aiohttp_client", "--loop", loop, "-c", str(CONCURRENCY)]
    return program("aiohttp client", [sys.executable, *words], f"{server.url}/\n", rounds, is_answered)


def curl(rounds: Rounds, server: Server) -> Sample:
    """Let curl fetch: it makes the list of targets itself, and prints a line for each answer."""
    words = ["--silent", "--parallel", "--parallel-max", str(CONCURRENCY), "--header", "Connection: close"]
    words += ["--write-out", RECORD_OF_CURL, "--output", "/dev/null", f"{server.url}/?[1-{rounds.targets}]"]
    command = [str(CURL.path()), *words]
    return program("curl", command, "", rounds, lambda line: line.startswith("200 "))


def ceiling(rounds: Rounds, server: Server) -> Sample:
    """Let wrk fetch for the seconds of a turn, since it cannot stop at a number."""
    found = load(f"{server.url}/", seconds=rounds.seconds, core=(), fields=("Connection: close",))
    return Sample(found.requests_per_s, found.cost.cpu_s / found.requests * 1000, found.cost.peak_kib / 1024)


def is_answered(line: str) -> bool:
    """Return whether a record has an answer with status 200."""
    record = json.loads(line)
    return record["error"] is None and record["status"] == 200


def program(name: str, command: list[str], target: str, rounds: Rounds, answered: Callable[[str], bool]) -> Sample:
    """Run a program for all targets, count its records, and return what it cost."""
    cost = cost_of(name, command, timeout_s=TIMEOUT_S, stdin=target.encode() * rounds.targets)
    counted = Counter(answered(line) for line in cost.out.splitlines())
    if counted[True] != rounds.targets:
        raise BenchFailed(name, why=f"{counted[True]:,} of {rounds.targets:,} targets were answered")
    return Sample(rounds.targets / cost.wall_s, cost.cpu_s / rounds.targets * 1000, cost.peak_kib / 1024)
