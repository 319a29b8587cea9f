"""Listeners on loopback for the tutorial's lessons, which connect to an address and know no proxy.

Where a lab is reached through its gateway alone, each of its hosts has a listener here, and each connection to it is a
tunnel through the gateway. A tunnel that the gateway refuses is a connection that is closed. The survey does without
these listeners, and tells a refusal from a close: see `services.client.survey.transport.tunnel`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from services.client.topology import Route

LOOPBACK = "127.0.0.1"
BLOCK_BYTES = 64 * 1024
CONNECTED = b" 200 "


@asynccontextmanager
async def local_tunnels(gateway: Route) -> AsyncIterator["LocalTunnels"]:
    """Yield the listeners for the hosts behind a gateway; they, and their connections, end with this."""
    error_inside: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        tunnels = LocalTunnels(gateway, tasks)
        try:
            yield tunnels
        except Exception as error:  # raised below, outside the group, which would wrap it
            error_inside = error
        finally:
            tunnels.close()
    if error_inside:
        raise error_inside


class LocalTunnels:
    """The listeners, each opened when its host is first asked for."""

    def __init__(self, gateway: Route, tasks: asyncio.TaskGroup) -> None:
        self._gateway, self._tasks = gateway, tasks
        self._servers: dict[Route, asyncio.Server] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()

    async def address(self, host: str, port: int) -> Route:
        """Return the address at which a host's port is reached on this machine. Raises OSError."""
        async with self._lock:
            server = self._servers.get((host, port))
            if server is None:
                server = await asyncio.start_server(partial(self._accept, f"{host}:{port}"), LOOPBACK, 0)
                self._servers[host, port] = server
        bound: Route = server.sockets[0].getsockname()
        return bound

    def close(self) -> None:
        """Close the listeners and end their connections."""
        for server in self._servers.values():
            server.close()
        for task in self._running:
            task.cancel()

    def _accept(self, authority: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._tasks.create_task(self._serve(authority, reader, writer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _serve(self, authority: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes on, both ways, until the host's last."""
        there: asyncio.StreamWriter | None = None
        try:
            answers, there = await asyncio.open_connection(*self._gateway)
            there.write(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
            head = await answers.readuntil(b"\r\n\r\n")
            if CONNECTED in head.partition(b"\r\n")[0]:
                async with asyncio.TaskGroup() as both:
                    asking = both.create_task(pass_on(reader, there))
                    await pass_on(answers, writer)
                    asking.cancel()
        except* (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the lesson sees that its connection ends
        finally:
            for each in (writer, there):
                if each is not None:
                    each.close()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on every byte, then the end. Raises OSError."""
    while data := await reader.read(BLOCK_BYTES):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
