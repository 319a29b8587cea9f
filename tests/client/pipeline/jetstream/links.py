"""A link between a worker and the broker that a test can break: it passes bytes on, and can be frozen or cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

CHUNK = 1 << 16


class Link:
    """A relay on loopback. `port`: where it listens."""

    def __init__(self, target: int) -> None:
        self.port, self._target = 0, target
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_down = False

    def freeze(self) -> None:
        """Pass nothing on, and tell nothing to either side: what a network does that was cut."""
        self._open.clear()

    def mend(self) -> None:
        """Pass on again."""
        self._is_down = False
        self._open.set()

    def cut(self) -> None:
        """Reset all connections, and every new one."""
        self._is_down = True
        for writer in self._writers:
            writer.transport.abort()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes from one connection."""
        if self._is_down:
            writer.transport.abort()
            return
        behind, to_broker = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, to_broker}
        try:
            with suppress(OSError):
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass(reader, to_broker))
                    group.create_task(self._pass(behind, writer))
        except* OSError:
            pass
        finally:
            self._writers -= {writer, to_broker}
            writer.transport.abort()
            to_broker.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._open.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError


@asynccontextmanager
async def link(target: int) -> AsyncIterator[Link]:
    """Run a link to a port while inside."""
    between = Link(target)
    server = await asyncio.start_server(between.accept, "127.0.0.1", 0)
    between.port = server.sockets[0].getsockname()[1]
    try:
        yield between
    finally:
        between.cut()
        between.mend()
        server.close()
        await server.wait_closed()
