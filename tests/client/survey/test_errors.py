"""The closed list of errors, each provoked; and the promises of a survey to a host that does anything."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from services.client.errors import KINDS
from services.client.topology import Topology
from services.runtime.run import Stop
from tests.client.peers import sends, serving
from tests.client.survey.hostile import HOSTILE, OK, hostile_hosts
from tests.client.survey.surveys import connects_by, record_of, survey

pytestmark = pytest.mark.usefixtures("transport")

FAST: dict[str, Any] = {"timeout_s": 1.0, "connect_timeout_s": 0.4, "head_timeout_s": 0.4, "follow": True}
# For many at once, with both ends in one process.
SLOWER: dict[str, Any] = {"timeout_s": 20.0, "connect_timeout_s": 8.0, "head_timeout_s": 2.5, "follow": True}
FIELDS = [
    *(
        "v",
        "line",
        "target",
        "time",
        "url",
        "ip",
        "http_version",
        "status",
        "reason",
        "headers",
        "interim",
        "anomalies",
        "raw",
    ),
    *("hops", "attempts", "retried", "tls", "timings_ms", "loop", "error", "detail"),
]


@pytest.mark.anyio
@pytest.mark.parametrize("host", HOSTILE)
async def test_each_fault_has_its_name(host: str, tmp_path: Path) -> None:
    """A host that does wrong is a record with an error of the closed list, and with all other fields."""
    bounds = FAST if f"{HOSTILE[host].error}".endswith("timeout") else SLOWER  # what answers has time to do so
    async with hostile_hosts() as topology:
        record = await record_of(host, tmp_path / "out", topology, **bounds)
    assert (record["error"], list(record)) == (HOSTILE[host].error, FIELDS)
    assert (record["status"] is None) == (record["error"] is not None) == (record["detail"] is not None)
    assert (record["v"], record["line"], record["target"]) == (1, 1, host)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("target", "options", "error"),
    [
        ("", {}, "usage"),
        ("http://", {}, "usage"),
        ("ftp://host", {}, "usage"),
        ("127.0.0.1", {"public_only": True}, "blocked"),
        ("https://host", {}, "tls"),
    ],
    ids=["empty", "no host", "other scheme", "guard", "no TLS there"],
)
async def test_what_the_client_itself_refuses_has_a_name(
    target: str, options: dict[str, bool], error: str, tmp_path: Path
) -> None:
    """The errors that need no hostile host."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(OK)

    async with serving(host=plain) as topology:
        routes = {("host", 443): topology.routes["host", 80]}
        record = await record_of(target, tmp_path / "out", topology.with_routes(routes), **options)
    assert record["error"] == error


@pytest.mark.anyio
async def test_an_unreachable_network_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No route is not a refusal."""
    import errno

    connects_by(lambda *_: errno.ENETUNREACH, monkeypatch)
    topology = Topology({("far", 80): ("192.0.2.1", 80)})
    assert (await record_of("far", tmp_path / "out", topology))["error"] == "unreachable"


@pytest.mark.anyio
async def test_what_is_in_flight_when_the_survey_ends_is_cancelled(tmp_path: Path) -> None:
    """Every target that was taken has its record, even so."""
    stop = Stop()

    async def asks_to_stop(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        stop.event.set()
        stop.again.set()
        await reader.read()

    async with serving(host=asks_to_stop) as topology:
        code, records = await survey(["host", "host"], tmp_path / "out", topology, stop=stop, concurrency=1)
    assert code == 130
    assert [(record["line"], record["error"]) for record in records] == [(1, "cancelled")]


def test_the_list_is_provoked_whole() -> None:
    """Each kind of error has a test; `certificate` is in test_tls."""
    here = {"usage", "blocked", "tls", "unreachable", "cancelled", "certificate"}
    assert {each.error for each in HOSTILE.values()} - {None} | here == KINDS


@pytest.mark.alone
@pytest.mark.anyio
async def test_every_error(tmp_path: Path) -> None:
    """5,000 targets, every fault among them: each record has the right class, and no healthy host is missed.

    A host that hangs holds one place of many until its deadline: all others go on meanwhile.
    """
    names = [name for name in HOSTILE if name != "full"]  # its SYNs would be answered once others have given up
    targets = random.Random(4).choices([*names, *["healthy"] * len(names)], k=5_000)
    async with hostile_hosts() as topology:
        code, records = await survey(targets, tmp_path / "out", topology, concurrency=200, **SLOWER)
    assert code == 1
    assert [record["line"] for record in records] == list(range(1, 5_001))
    wrong = [
        (record["target"], record["error"], record["detail"])
        for record in records
        if record["error"] != HOSTILE[record["target"]].error
    ]
    assert not wrong


@pytest.mark.anyio
async def test_a_head_is_the_same_however_it_is_cut(tmp_path: Path) -> None:
    """Through sockets too: byte by byte, or with all that follows."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for byte in OK:
            writer.write(bytes([byte]))
            await writer.drain()

    async with serving(whole=sends(OK + b"x" * 1_000_000), cut=cut) as topology:
        _, (one, other) = await survey(["whole", "cut"], tmp_path / "out", topology)
    assert one["headers"] == other["headers"] == [["Server", "x"], ["Content-Length", "0"]]
