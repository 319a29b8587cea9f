"""Bytes to and from a socket: whatever a peer sends or leaves unread, waits end and others get their turn."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.client.wget.connect import connect
from services.client.wget.poll import Poller
from services.client.wget.sockets import Address, Sockets
from services.client.wget.stream import RECEIVED_BYTES, Plain
from services.client.wget.watch import NEVER, Expired, Watchman
from tests.client.wget.hostile import LOOPBACK

pytestmark = pytest.mark.usefixtures("transport")

MORE_THAN_KERNELS_HOLD = 64 * 1024 * 1024


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Plain, socket.socket]]:
    """Yield a stream, and the socket of its peer, which does nothing by itself."""
    loop = asyncio.get_running_loop()
    with socket.create_server((LOOPBACK, 0)) as server, Poller() as poller, Watchman() as watchman:
        server.setblocking(False)
        watch = watchman.watch()
        channel, _ = await connect(Sockets(poller), [Address(*server.getsockname())], watch, NEVER)
        peer, _ = await loop.sock_accept(server)
        try:
            with peer:
                yield Plain(channel, watch), peer
        finally:
            channel.close()


@pytest.mark.anyio
async def test_a_peer_that_has_ended_and_reads_nothing_is_left_at_the_deadline() -> None:
    """Its end says that reading will not wait; sending does, and must not go round in circles meanwhile."""
    async with connected() as (stream, peer):
        peer.shutdown(socket.SHUT_WR)
        with pytest.raises(Expired):
            await stream.send(bytes(MORE_THAN_KERNELS_HOLD), time.monotonic() + 0.1)


@pytest.mark.anyio
@pytest.mark.parametrize("ends", [False, True])
async def test_a_peer_that_never_pauses_keeps_nobody_waiting(ends: bool) -> None:
    """Where there is always more to receive, others have their turn all the same: signals, deadlines, other hosts."""
    others = asyncio.Event()
    async with connected() as (stream, peer):
        peer.sendall(bytes(2 * RECEIVED_BYTES))
        if ends:
            peer.shutdown(socket.SHUT_WR)
        assert len(await stream.receive(NEVER)) == RECEIVED_BYTES
        asyncio.get_running_loop().call_soon(others.set)
        assert len(await stream.receive(NEVER)) == RECEIVED_BYTES
        assert others.is_set()
