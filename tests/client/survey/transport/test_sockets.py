"""Sockets that are connected again: to the same address only, and the peer sees no difference."""

import asyncio
import socket
from collections import Counter
from pathlib import Path

import pytest

from services.client.survey.deadlines import NEVER, DeadlineSweeper
from services.client.survey.transport import sockets as ours
from services.client.survey.transport.connect import connect
from services.client.survey.transport.epoll import Poller
from services.client.survey.transport.sockets import SocketAddress, Sockets
from tests.client.peers import Peer, sends, serving
from tests.client.survey.hostile import OK, resets
from tests.client.survey.surveys import survey


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """Count the sockets that are made, by family."""
    made: Counter[int] = Counter()

    class Socket(ours.Socket):
        def __init__(self, family: int, kind: int) -> None:
            super().__init__(family, kind)
            made[family] += 1

    monkeypatch.setattr(ours, "Socket", Socket)
    return made


def noting(ports: list[int], peer: Peer) -> Peer:
    """Return the peer, which also notes the port that each connection comes from."""

    async def notes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports.append(writer.get_extra_info("peername")[1])
        await peer(reader, writer)

    return notes


@pytest.mark.anyio
async def test_one_address_needs_one_socket(tmp_path: Path, sockets: Counter[int]) -> None:
    """The peer sees from the ports that each fetch has a new connection all the same."""
    ports: list[int] = []
    async with serving(host=noting(ports, sends(OK))) as topology:
        code, records = await survey(["host"] * 20, tmp_path / "out", topology, concurrency=1)
    assert (code, {record["status"] for record in records}) == (0, {200})
    assert sockets == {socket.AF_INET: 1}
    assert len(set(ports)) == 20


@pytest.mark.anyio
async def test_another_address_gets_another_socket(tmp_path: Path, sockets: Counter[int]) -> None:
    """Another host must not learn the sequence numbers."""
    async with serving(one=sends(OK), other=sends(OK)) as topology:
        code, _ = await survey(["one", "other"] * 5, tmp_path / "out", topology, concurrency=1)
    assert code == 0
    assert sockets == {socket.AF_INET: 10}


@pytest.mark.anyio
async def test_what_ended_badly_is_connected_again(tmp_path: Path, sockets: Counter[int]) -> None:
    """After any end of the last connection, the next one is as new."""
    peers = [resets, sends(b""), sends(OK[:9]), sends(OK, then_hang=True), sends(OK)]

    async def in_turn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(peers.pop(0))
        await peers[-1](reader, writer)

    async with serving(host=in_turn) as topology:
        _, records = await survey(["host"] * 10, tmp_path / "out", topology, concurrency=1)
    assert [record["error"] for record in records] == ["reset", "closed", "truncated_head", None, None] * 2
    assert sockets == {socket.AF_INET: 1}


@pytest.mark.anyio
async def test_a_kernel_that_cannot_connect_again_gets_new_sockets(
    tmp_path: Path, sockets: Counter[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One for each connection."""
    monkeypatch.setattr(ours, "_connect", lambda _fd, _address, _size: -1)
    async with serving(host=sends(OK)) as topology:
        code, _ = await survey(["host"] * 5, tmp_path / "out", topology, concurrency=1)
    assert (code, sockets) == (0, {socket.AF_INET: 5})


@pytest.mark.anyio
async def test_no_spare_stays_open() -> None:
    """Neither when another address is needed nor at the end."""
    async with serving(one=sends(OK), other=sends(OK)) as topology:
        one, other = (SocketAddress(*where) for where in topology.routes.values())
        with Poller() as poller, DeadlineSweeper() as sweeper:
            held = Sockets(poller)
            first, _ = await connect(held, [one], sweeper.deadline(), NEVER)
            held.release(first, one)
            assert first.socket.fileno() >= 0
            second, _ = await connect(held, [other], sweeper.deadline(), NEVER)
            assert first.socket.fileno() == -1
            held.release(second, other)
        assert second.socket.fileno() == -1
        assert not poller._sockets


@pytest.mark.anyio
async def test_the_peer_sees_the_end_at_once() -> None:
    """A spare socket holds no connection."""
    gone = asyncio.Event()

    async def waits(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        with pytest.raises(ConnectionResetError):
            await reader.read()
        gone.set()

    async with serving(host=waits) as topology:
        address = SocketAddress(*topology.routes["host", 80])
        with Poller() as poller, DeadlineSweeper() as sweeper:
            held = Sockets(poller)
            polled, _ = await connect(held, [address], sweeper.deadline(), NEVER)
            held.release(polled, address)
            await asyncio.wait_for(gone.wait(), 10)
