"""Happy Eyeballs, and the limits of this machine."""

import errno
import os
import socket
import time
from pathlib import Path

import pytest

from services.client.errors import FetchError
from services.client.network.resolver import Resolver
from services.client.survey.deadlines import NEVER, DeadlineSweeper, Expired
from services.client.survey.fetch.routes import read_routes
from services.client.survey.transport.connect import connect, interleaved
from services.client.survey.transport.epoll import Poller
from services.client.survey.transport.sockets import SocketAddress, Sockets
from services.client.topology import Route, Topology
from services.runtime.errors import BadSetting
from tests.client.peers import sends, serving
from tests.client.survey.hostile import OK, full_port, shut_port
from tests.client.survey.surveys import connects_by, run_client_async, survey

pytestmark = pytest.mark.usefixtures("transport")

LONG_AFTER_S = 20.0  # the deadline: a third of what a shortage once took


def test_families_take_turns() -> None:
    """The first family first (RFC 8305, section 4)."""
    v4, v6 = (
        [SocketAddress(f"192.0.2.{n}", 80) for n in range(3)],
        [SocketAddress(f"2001:db8::{n}", 80) for n in range(2)],
    )
    assert interleaved([*v6, *v4]) == [v6[0], v4[0], v6[1], v4[1], v4[2]]
    assert interleaved(v4) == v4


@pytest.mark.anyio
async def test_a_silent_address_delays_little() -> None:
    """The next is tried after a quarter of a second, or at once after a refusal; the others are closed."""
    async with serving(host=sends(OK)) as topology:
        good = SocketAddress(*topology.routes["host", 80])
        with full_port() as full, shut_port() as shut, Poller() as poller, DeadlineSweeper() as sweeper:
            addresses = [SocketAddress(*full), SocketAddress(*shut), good]
            polled, address = await connect(Sockets(poller), addresses, sweeper.deadline(), NEVER)
            assert address == good
            assert polled.socket.getpeername() == good
            polled.close()
            assert not poller._sockets


@pytest.mark.anyio
async def test_if_no_address_answers_the_error_tells_of_all() -> None:
    """It is the error of the first address, with the details of all."""
    with shut_port() as one, shut_port() as other, Poller() as poller, DeadlineSweeper() as sweeper:
        with pytest.raises(FetchError) as failed:
            await connect(Sockets(poller), [SocketAddress(*one), SocketAddress(*other)], sweeper.deadline(), NEVER)
        assert failed.value.kind == "refused"
        assert str(one[1]) in failed.value.detail
        assert str(other[1]) in failed.value.detail
        assert not poller._sockets


@pytest.mark.anyio
async def test_an_address_that_is_out_of_reach_hides_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without IPv6 says so of every host that has it; what the host says elsewhere is the error."""
    connects_by(lambda _, address: errno.ENETUNREACH if ":" in address[0] else errno.ECONNREFUSED, monkeypatch)
    with Poller() as poller, DeadlineSweeper() as sweeper:
        with pytest.raises(FetchError) as failed:
            await connect(
                Sockets(poller),
                [SocketAddress("2001:db8::1", 80), SocketAddress("192.0.2.1", 80)],
                sweeper.deadline(),
                NEVER,
            )
        assert failed.value.kind == "refused"
        assert "[2001:db8::1]:80: unreachable" in failed.value.detail


@pytest.mark.anyio
async def test_silence_of_all_ends_at_the_deadline() -> None:
    """No socket is left."""
    with full_port() as one, full_port() as other, Poller() as poller, DeadlineSweeper() as sweeper:
        with pytest.raises(Expired):
            await connect(Sockets(poller), [SocketAddress(*one), SocketAddress(*other)], sweeper.deadline(), 0.0)
        assert not poller._sockets


@pytest.mark.anyio
async def test_running_out_of_files_is_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fetch waits until other fetches have closed some."""
    made = 0
    real = socket.socket.connect_ex

    def connect(self: socket.socket, address: tuple[str, int]) -> int:
        nonlocal made
        made += 1
        return errno.EADDRNOTAVAIL if made <= 3 else real(self, address)

    async with serving(host=sends(OK)) as topology:
        connects_by(connect, monkeypatch)
        code, records = await survey(["host"] * 3, tmp_path / "out", topology)
    assert (code, made) == (0, 3 + 3)
    assert [record["attempts"] for record in records] == [1, 1, 1]


@pytest.mark.anyio
@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.EMFILE, errno.ENOBUFS])
@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["::1"]], ids=" ".join)
@pytest.mark.parametrize("retries", [0, 3])
async def test_a_shortage_that_lasts_ends_at_the_deadline(
    number: int, addresses: list[str], retries: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the target's total deadline, not at that of a phase; and it is no error of the host."""

    class Known(Resolver):
        def __init__(self) -> None:
            super().__init__(lambda _host: addresses)

    monkeypatch.setattr("services.client.survey.fetch.fetcher.Resolver", Known)
    connects_by(lambda _, _address: number, monkeypatch)
    began = time.monotonic()
    _, records = await survey(["host", "host"], tmp_path / "out", timeout_s=0.5, connect_timeout_s=0.1, retries=retries)
    assert time.monotonic() - began < LONG_AFTER_S
    assert [record["error"] for record in records] == ["unreachable"] * 2
    assert all(record["detail"].startswith("this machine is at its limits: ") for record in records)
    if number in {errno.EADDRNOTAVAIL, errno.EADDRINUSE}:
        assert all(record["detail"].endswith("no local port is free") for record in records)


@pytest.mark.anyio
async def test_a_family_that_this_machine_lacks_is_no_shortage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is EADDRNOTAVAIL too; but no port of it will ever be free."""
    monkeypatch.setattr("services.client.survey.transport.connect.has_source_address", lambda _address: False)
    connects_by(lambda _, _address: errno.EADDRNOTAVAIL, monkeypatch)
    _, (record,) = await survey(["[2001:db8::1]"], tmp_path / "out", timeout_s=10.0)
    assert (record["error"], record["detail"]) == ("unreachable", os.strerror(errno.EADDRNOTAVAIL))


@pytest.mark.anyio
async def test_concurrency_is_fitted_into_the_open_files(tmp_path: Path) -> None:
    """One warning; no target fails because of it."""
    output = tmp_path / "out"
    async with serving(host=sends(OK)) as topology:
        port = topology.routes["host", 80][1]
        result = await run_client_async(
            *("-i", "-", "-c", "1000", "--format", "jsonl", "-o", output, "--resolve", f"*:80:127.0.0.1:{port}"),
            stdin=b"".join(b"h%d\n" % number for number in range(200)),
            before=["prlimit", "--nofile=30:40"],
        )
    assert result.returncode == 0, result.stderr
    assert result.stderr.count(b"open files") == 1
    assert b"1,000 at once need more than the 40 open files" in result.stderr


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("host:80:127.0.0.1", (("host", 80), ("127.0.0.1", 80))),
        ("Host.:80:127.0.0.1:8080", (("host", 80), ("127.0.0.1", 8080))),
        ("*:443:[::1]", (("*", 443), ("::1", 443))),
        ("[::1]:80:[2001:db8::1]:81", (("::1", 80), ("2001:db8::1", 81))),
        ("[0:0::1]:80:127.0.0.1", (("::1", 80), ("127.0.0.1", 80))),
        ("host:80:[0:0:0:0:0:FFFF:7F00:1]", (("host", 80), ("::ffff:127.0.0.1", 80))),
        ("B\u00fccher.example:80:127.0.0.1", (("xn--bcher-kva.example", 80), ("127.0.0.1", 80))),
    ],
)
def test_a_route_is_read(text: str, route: tuple[Route, Route]) -> None:
    """--resolve HOST:PORT:ADDR[:PORT], as in curl."""
    assert read_routes([text]) == dict([route])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host",
        "host:80",
        "host:80:",
        "host:80:other",
        "host:0:127.0.0.1",
        "host:80:1.2.3",
        "a:80:::1",
        "[:::]:80:1.2.3.4",
    ],
)
def test_a_wrong_route_is_refused(text: str) -> None:
    """In one line with the right form."""
    with pytest.raises(BadSetting, match="is not HOST:PORT:ADDR"):
        read_routes([text])


@pytest.mark.anyio
async def test_routes_are_taken_instead_of_names() -> None:
    """An exact one before that for every host, and also for addresses."""
    async with serving(host=sends(OK)) as topology:
        port = topology.routes["host", 80][1]
        with shut_port() as shut:
            result = await run_client_async(
                *("wget.invalid", "192.0.2.1", "shut.invalid", "--format", "csv"),
                *("--resolve", f"*:80:127.0.0.1:{port}", "--resolve", f"shut.invalid:80:127.0.0.1:{shut[1]}"),
            )
    rows = sorted(result.stdout.decode().splitlines()[1:])
    assert result.returncode == 1
    assert [",200," in row for row in rows] == [True, True, False]
    assert Topology().route("x", 80) is None
