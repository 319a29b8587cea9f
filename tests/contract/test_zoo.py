"""The zoo: every fault of the sites, as hosts of one survey of 5,000 targets. Each record has the right class."""

import asyncio
import json
import random
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lab.embedded import SiteRoutes
from lab.recordings import BROUGHT_ALONG
from lab.stack import Stack
from services.client.topology import Topology
from services.sites.authority import CA_FILE
from services.sites.faults.kinds import FAULTS, Stage
from tests.client.wget.surveys import JsonRecord, survey
from tests.sites.target import KEEP, sites, target_of

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


DEADLINES: dict[str, Any] = {
    "concurrency": 200,
    "timeout_s": 10.0,
    "connect_timeout_s": 2.0,
    "head_timeout_s": 2.0,
    "follow": True,
}
ZOO = [
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


def test_the_zoo_keeps_every_fault() -> None:
    """A fault that is added has to be shown to a survey, too."""
    assert [kept.fault for kept in ZOO] == list(FAULTS)


@pytest.mark.anyio
async def test_every_fault_gets_its_class(tmp_path: Path) -> None:
    """All that a survey meets is in its records; every healthy host among them has answered."""
    hosts = {f"{kept.fault.replace('_', '-')}.test": kept for kept in ZOO}
    healthy = [f"healthy-{number}.test" for number in range(10)]
    async with sites({f"{host}.http": KEEP for host in (*hosts, *healthy)}, tmp_path) as running:
        for host, kept in hosts.items():
            target = await target_of(running, host)
            await target.set_plan([{"fault": kept.fault, **kept.parameters}])
        targets = [f"{kept.scheme}://{host}/" for host, kept in hosts.items()]
        asked = random.Random(4).choices([*targets, *healthy * 4], k=5_000)
        assert running.site.settings.ca
        async with asyncio.timeout(45):  # the slowest takes 10 s: whatever hangs is the survey, not the sites
            code, records = await survey(
                asked,
                tmp_path / "out",
                Topology(SiteRoutes(running), closed=True),
                ca=str(running.site.settings.ca / CA_FILE),
                **DEADLINES,
            )
    assert code == 1
    check(records, hosts)


@pytest.mark.docker
@pytest.mark.timeout(240)
def test_every_fault_gets_its_class_in_compose(own_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same survey in containers: the plans are in sidecars; what needs a port of its own has a tutorial's name."""
    monkeypatch.delenv("LAB_RECORDINGS", raising=False)
    alone = iter(BROUGHT_ALONG)
    hosts = {
        next(alone) if FAULTS[kept.fault].stage in OWN_PORT else f"{kept.fault.replace('_', '-')}.test": kept
        for kept in ZOO
    }
    healthy = [f"healthy-{number}.test" for number in range(10)]
    directory = own_stack.root / "recordings"
    directory.mkdir()
    for host in (*hosts, *healthy):
        (directory / f"{host}.http").write_bytes(KEEP)
    for host, kept in hosts.items():
        parameters = "".join(f"{name} = {value}\n" for name, value in kept.parameters.items())
        (directory / f"{host}.toml").write_text(f'[[faults]]\nfault = "{kept.fault}"\n{parameters}')
    own_stack.up(print)
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
    """Check that there is one record a target, each with its host's class."""
    assert [record["line"] for record in records] == list(range(1, 5_001))
    wrong = []
    for record in records:
        kept = hosts.get(record["url"].split("/")[2].partition(":")[0], Kept("none", None))
        if record["error"] != kept.error or (kept.anomaly and kept.anomaly not in record["anomalies"]):
            wrong.append((kept.fault, record["error"], record["detail"], record["anomalies"]))
    assert not wrong
