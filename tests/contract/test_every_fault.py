"""Every fault of the sites, as hosts of one survey of 5,000 targets. Each record has the right class."""

import asyncio
import itertools
import json
import math
import random
import re
import statistics
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lab.compose.stack import Stack
from lab.embedded.sites import SiteRoutes
from lab.own_sites import BROUGHT_ALONG
from services.client.topology import Topology
from services.sites.faults.catalog import FAULTS, Stage
from services.sites.journal import Journal
from services.sites.server import RunningSite
from services.sites.tls.authority import CA_FILE
from tests.client.survey.surveys import JsonRecord, run_client_async, survey
from tests.sites.target import KEEP, sites, target_of
from tests.stacks import reread

OWN_PORT = {Stage.LISTEN, Stage.ACCEPT}


class Kept(NamedTuple):
    """A fault with its parameters, and the error that a record has to have (None: a head, with that anomaly)."""

    fault: str
    error: str | None
    parameters: Mapping[str, object] = {}
    anomaly: str | None = None

    @property
    def scheme(self) -> str:
        """TLS for what happens there alone."""
        return "https" if self.fault.startswith("tls_") else "http"


CONCURRENCY = 200
DEADLINES: dict[str, Any] = {
    "concurrency": CONCURRENCY,
    "timeout_s": 10.0,
    "connect_timeout_s": 2.0,
    "head_timeout_s": 2.0,
    "follow": True,
}
EVERY_FAULT = [
    Kept("delay", None, {"seconds": 0.02}),
    Kept("drip", "head_timeout", {"bytes": 1, "interval_s": 0.5}),
    Kept("throttle", None, {"bytes_per_s": 100_000}),
    Kept("stall_at", "head_timeout", {"bytes": 40}),
    Kept("fin_at", "truncated_head", {"bytes": 40}),
    Kept("rst_at", "reset", {"bytes": 40}),
    Kept("garbage", "not_http", {"bytes": 300}),
    Kept("bad_status_line", "malformed_head"),
    Kept("missing_colon", None, anomaly="missing_colon"),
    Kept("nul", None, anomaly="nul_byte"),
    Kept("bare_cr", None, anomaly="bare_cr"),
    Kept("bare_lf", None, anomaly="bare_lf"),
    Kept("obs_fold", None, anomaly="obs_fold"),
    Kept("huge_field", "head_too_large", {"bytes": 300_000}),
    Kept("endless_head", "head_too_large"),
    Kept("interim_flood", "head_too_large", {"count": 500}),
    Kept("conflicting_length", None, anomaly="content_length_conflict"),
    Kept("http09", "not_http"),
    Kept("status", None, {"status": 503, "retry_after_s": 120}),
    Kept("redirect_loop", "redirect_loop", {"hops": 3}),
    Kept("accept_then_silent", "head_timeout"),
    Kept("accept_then_close", "closed"),
    Kept("refuse", "refused"),
    Kept("tls_stall", "connect_timeout"),
    Kept("tls_expired", "certificate"),
    Kept("tls_wrong_name", "certificate"),
    Kept("tls_self_signed", "certificate"),
]
HOSTS = {f"{kept.fault.replace('_', '-')}.test": kept for kept in EVERY_FAULT}


def test_every_fault_has_a_host() -> None:
    """A new fault must be added here."""
    assert [kept.fault for kept in EVERY_FAULT] == list(FAULTS)


@asynccontextmanager
async def faulty_sites(directory: Path) -> AsyncIterator[tuple[RunningSite, Sequence[str]]]:
    """Run the sites, each with its plan, and give them with 5,000 targets: most are healthy, as in any survey."""
    healthy = [f"healthy-{number}.test" for number in range(10)]
    async with sites({f"{host}.http": KEEP for host in (*HOSTS, *healthy)}, directory) as running:
        for host, kept in HOSTS.items():
            target = await target_of(running, host)
            await target.set_plan([{"fault": kept.fault, **kept.parameters}])
        targets = [f"{kept.scheme}://{host}/" for host, kept in HOSTS.items()]
        yield running, random.Random(4).choices([*targets, *healthy * 4], k=5_000)


@pytest.mark.alone
@pytest.mark.anyio
async def test_every_fault_gets_its_class(tmp_path: Path) -> None:
    """All that a survey meets is in its records; every healthy host among them has answered."""
    async with faulty_sites(tmp_path) as (running, asked):
        began_s = time.monotonic()
        async with asyncio.timeout(45):  # the slowest host takes 10 s
            code, records = await survey(
                asked,
                tmp_path / "out",
                Topology(SiteRoutes(running), closed=True),
                ca=str(ca_of(running)),
                **DEADLINES,
            )
        took_s = time.monotonic() - began_s
        at_once = most_at_once(running.site.journal)
    assert code == 1
    check(records, HOSTS)
    check_times(records, took_s)
    assert CONCURRENCY / 2 < at_once <= CONCURRENCY * 2  # a site may learn late that its peer has left


def ca_of(running: RunningSite) -> Path:
    """Return the certificate of the sites' authority."""
    directory = running.site.settings.ca
    assert directory
    return directory / CA_FILE


@pytest.mark.docker
@pytest.mark.timeout(240)
def test_every_fault_gets_its_class_in_compose(own_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same survey in containers: the plans are in sidecars; what needs a port of its own has a tutorial's name."""
    monkeypatch.delenv("LAB_RECORDINGS", raising=False)
    alone = iter(BROUGHT_ALONG)
    hosts = {
        next(alone) if FAULTS[kept.fault].stage in OWN_PORT else f"{kept.fault.replace('_', '-')}.test": kept
        for kept in EVERY_FAULT
    }
    healthy = [f"healthy-{number}.test" for number in range(10)]
    directory = own_stack.root / "recordings"
    directory.mkdir()
    for host in (*hosts, *healthy):
        (directory / f"{host}.http").write_bytes(KEEP)
    for host, kept in hosts.items():
        parameters = "".join(f"{name} = {value}\n" for name, value in kept.parameters.items())
        (directory / f"{host}.toml").write_text(f'[[faults]]\nfault = "{kept.fault}"\n{parameters}')
    reread(own_stack).up(print)
    targets = [f"{kept.scheme}://{host}/" for host, kept in hosts.items()]
    asked = random.Random(4).choices([*targets, *(f"http://{host}/" for host in healthy * 4)], k=5_000)
    words = "--input - --format jsonl --quiet -c 200 --timeout 10 --connect-timeout 2 --head-timeout 2 -L --ca lab"
    done = subprocess.run(
        own_stack.command("run", "--rm", "-T", "client", "wget", *words.split()),
        input="".join(f"{target}\n" for target in asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    check(sorted(map(json.loads, done.stdout.splitlines()), key=lambda record: int(record["line"])), hosts)


def check(records: Sequence[JsonRecord], hosts: Mapping[str, Kept]) -> None:
    """Check that each target has one record, with the class of its host."""
    assert [record["line"] for record in records] == list(range(1, 5_001))
    wrong = []
    for record in records:
        kept = hosts.get(record["url"].split("/")[2].partition(":")[0], Kept("none", None))
        if record["error"] != kept.error or (kept.anomaly and kept.anomaly not in record["anomalies"]):
            wrong.append((kept.fault, record["error"], record["detail"], record["anomalies"]))
    assert not wrong


def check_times(records: Sequence[JsonRecord], took_s: float) -> None:
    """Check that a stalled host takes until its own deadline, and that other hosts do not wait for it."""
    seconds: dict[str | None, list[float]] = {}
    for record in records:
        seconds.setdefault(record["error"], []).append(record["timings_ms"]["total"] / 1000)
    for error, limit in {"head_timeout": "head_timeout_s", "connect_timeout": "connect_timeout_s"}.items():
        deadline_s = DEADLINES[limit]
        assert deadline_s * 0.99 < min(seconds[error]), error
        assert max(seconds[error]) < (deadline_s + DEADLINES["timeout_s"]) / 2, error
    assert max(map(max, seconds.values())) < DEADLINES["timeout_s"]
    assert statistics.median(seconds[None]) < min(seconds["head_timeout"])
    assert sum(map(sum, seconds.values())) > took_s * CONCURRENCY / 10


def most_at_once(journal: Journal) -> int:
    """Return how many connections were open at the same time, as the sites saw it."""
    opened: dict[int, float] = {}
    closed: dict[int, float] = {}
    for _number, exchange in journal.newest_first():
        connection = exchange.connection.number
        opened[connection] = exchange.connection.accepted_s
        closed.setdefault(connection, exchange.ended_s if exchange.ended else math.inf)  # by the newest exchange
    changes = sorted([(at_s, 1) for at_s in opened.values()] + [(at_s, -1) for at_s in closed.values()])
    return max(itertools.accumulate(change for _at_s, change in changes))


FORKED = ("sh", "-c", '"$@"; exit $?', "sh")
"""Run from a small process: the system counts what a process was before its exec to its peak, here all of pytest."""


@pytest.mark.anyio
@pytest.mark.timeout(300)
async def test_memory_does_not_grow_with_the_targets(tmp_path: Path) -> None:
    """Five times as many targets of the same hosts, and as much memory at the peak: a target leaves nothing behind.

    The room is that of 4 kB for each target that came on top; what may be in flight at once is the same.
    """
    async with faulty_sites(tmp_path) as (running, asked):
        few, many = [await peak_mib(running, asked[:count]) for count in (1_000, 5_000)]
    assert many < few * 1.5


async def peak_mib(running: RunningSite, asked: Sequence[str]) -> int:
    """Run the survey in a process of its own, and return the peak of memory that it tells, in MiB."""
    words = f"--input - --format jsonl --output /dev/null --ca {ca_of(running)} --processes 1 -c {CONCURRENCY} -L"
    limits = ["--timeout", "10", "--connect-timeout", "2", "--head-timeout", "2"]
    routes = [f"--resolve={host}:{port}:{at.host}:{at.port}" for (host, port), at in SiteRoutes(running).items()]
    stdin = "".join(f"{each}\n" for each in asked).encode()
    done = await run_client_async(*words.split(), *limits, *routes, stdin=stdin, before=FORKED)
    told = re.search(rb"peak memory ([\d,]+) MiB", done.stderr)
    assert done.returncode == 1, done.stderr
    assert told
    return int(told[1].replace(b",", b""))
