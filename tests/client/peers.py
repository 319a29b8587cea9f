"""Servers on loopback that send the bytes that a test gives them, and end the connection as the test says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from services.client.topology import Topology

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def sends(data: bytes, *, then_hang: bool = False) -> Peer:
    """Return a peer that takes a request, sends `data`, and closes or keeps quiet."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        if then_hang:
            await reader.read()  # until the client goes

    return peer


@asynccontextmanager
async def serving(**peers: Peer) -> AsyncIterator[Topology]:
    """Serve each peer on loopback, and yield the topology in which its name is a host's.

    Connections that are open at the end are aborted: after a failure, a client has left them so.
    """
    writers: set[asyncio.StreamWriter] = set()
    async with contextlib.AsyncExitStack() as stack:
        routes = {}
        for name, peer in peers.items():
            server = await asyncio.start_server(closing(peer, writers), "127.0.0.1", 0, backlog=1024)
            await stack.enter_async_context(server)
            routes[name, 80] = server.sockets[0].getsockname()[:2]
        try:
            yield Topology(routes, closed=True)
        finally:
            for writer in writers:
                writer.transport.abort()


def closing(peer: Peer, writers: set[asyncio.StreamWriter] | None = None) -> Peer:
    """Return the peer, with its connection closed at its end. `writers`: has those of its open connections."""
    is_open: set[asyncio.StreamWriter] = set() if writers is None else writers

    async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_open.add(writer)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await peer(reader, writer)
        finally:
            is_open.discard(writer)
            writer.close()

    return closes
