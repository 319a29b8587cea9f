"""Sites that answer each URL with given bytes, for tests that record from several of them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from lab.embedded import LOOPBACK
from services.client.topology import Topology


@dataclass(slots=True)
class Web:
    """`pages`: responses by URL; what is not there is not answered. `asked`: the requests, as they came.

    `held`: a URL that is answered only when `until` others have been; `asked_before`: how many were asked by then.
    """

    pages: Mapping[str, bytes]
    held: str = ""
    until: int = 0
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    asked_before: int = 0
    answered: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, scheme: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            target, host = head.split(b" ")[1].decode(), head.partition(b"\r\nHost: ")[2].partition(b"\r\n")[0].decode()
            url = f"{scheme}://{host}{target}"
            self.asked.append((url, head))
            if url == self.held:
                await self.enough.wait()
                self.asked_before = len(self.asked)
            writer.write(self.pages.get(url, b""))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a client that goes away
        finally:
            writer.close()
        self.answered += 1
        if self.answered >= self.until:
            self.enough.set()


@asynccontextmanager
async def serving(web: Web, tls: ssl.SSLContext | None = None) -> AsyncIterator[Topology]:
    """Serve these pages; in the topology, every host is there, at port 80 and, with `tls`, at 443."""
    async with await asyncio.start_server(lambda *both: web.answer("http", *both), *LOOPBACK) as plain:
        routes = {("*", 80): plain.sockets[0].getsockname()}
        if tls is None:
            yield Topology(routes, closed=True)
            return
        async with await asyncio.start_server(lambda *both: web.answer("https", *both), *LOOPBACK, ssl=tls) as secure:
            yield Topology({**routes, ("*", 443): secure.sockets[0].getsockname()}, closed=True)
