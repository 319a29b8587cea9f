"""Backpressure: while an answer is being sent, further requests of the peer wait in the kernel, not in memory."""

import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio.to_thread
import pytest

from services.sites.connection.connection import Connection
from services.sites.connection.unread import MAX_AHEAD_BYTES
from services.sites.server import RunningSite
from tests.sites.peer import Heard, listen
from tests.sites.target import KEEP, sites, target_of
from tests.sites.test_server import until

pytestmark = pytest.mark.anyio

ONE_READ_BYTES = 256 * 1024  # what a loop hands over at once
MAX_IN_SYSTEMS = 256 * 1024 * 1024  # on loopback, a few megabytes are usual


def connections(running: RunningSite) -> list[Connection]:
    """Return the open connections; there is none before the site has accepted the peer's."""
    return [
        accepted_connection
        for accepted_connection in running.site.connections
        if isinstance(accepted_connection, Connection)
    ]


def held_back(running: RunningSite) -> Callable[[], Awaitable[bool]]:
    """Return a function that tells whether the site has stopped reading from a connection."""

    async def is_held_back() -> bool:
        return any(not connection.transport.is_reading() for connection in connections(running))

    return is_held_back


async def waiting_bytes(running: RunningSite) -> int:
    """Return how many bytes of peers are in the site's memory."""
    return sum(len(connection.unread.reader.buffer) for connection in connections(running) if connection.unread)


def send_for_ever(connection: socket.socket) -> None:
    """Send until a send would block, or two kernels' buffers are full."""
    for _ in range(MAX_IN_SYSTEMS // ONE_READ_BYTES):
        connection.send(bytes(ONE_READ_BYTES))


async def test_a_peer_that_floods_during_a_drip_is_held_back(tmp_path: Path) -> None:
    """Until its own system takes no more; no more than MAX_AHEAD_BYTES and one read are in the site's memory."""
    async with sites({"keep.test.http": KEEP}, tmp_path, drain_s=0.0) as running:
        target = await target_of(running, "keep.test")
        await target.set_plan([{"fault": "drip", "bytes": 1, "interval_s": 3600}])

        def flood() -> int:
            with target.peer.connect() as connection:
                assert isinstance(connection, socket.socket)
                connection.sendall(target.peer.get())
                listen(connection, 1)
                connection.sendall(bytes(2 * MAX_AHEAD_BYTES))
                anyio.from_thread.run(until, held_back(running))
                connection.setblocking(False)
                with pytest.raises(BlockingIOError):
                    send_for_ever(connection)
                return anyio.from_thread.run(waiting_bytes, running)

        assert MAX_AHEAD_BYTES < await anyio.to_thread.run_sync(flood) <= MAX_AHEAD_BYTES + ONE_READ_BYTES


@pytest.mark.parametrize("secure", [False, True], ids=["http", "tls"])
async def test_a_peer_that_was_held_back_is_answered_in_full(tmp_path: Path, secure: bool) -> None:
    """A peer asks for more than it reads; once it reads, every request that had to wait gets its answer, in order."""
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n" + bytes(8_000_000)
    async with sites({"keep.test.http": raw}, tmp_path) as running:
        target = await target_of(running, "keep.test", secure=secure)
        peer, head = target.peer, target.recording.head
        asked = peer.get(method="HEAD")
        count = 2 * MAX_AHEAD_BYTES // len(asked)

        def ask() -> Heard:
            with peer.connect() as connection:
                connection.sendall(peer.get())
                connection.sendall(asked * count + peer.get(method="HEAD", fields="Connection: close\r\n"))
                anyio.from_thread.run(until, held_back(running))
                return listen(connection, 1 << 62)

        assert await anyio.to_thread.run_sync(ask) == Heard(raw + head * (count + 1), "fin")
