"""Sites that answer each URL with given bytes, for tests that record from several of them."""

import asyncio
import ssl
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.embedded.sites import LOOPBACK
from services.client.record.fetch import fetch
from services.client.record.fetch_request import FetchRequest, request_bytes, source_of
from services.client.record.options import Options
from services.client.topology import Topology

A, B = "http://a.example", "http://b.example"
Record = Callable[..., int]


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


def page(text: str, *fields: str, status: str = "200 OK") -> bytes:
    """Return a response."""
    lines = [f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(text)}", "", text]
    return "\r\n".join(lines).encode()


def redirect(location: str, *fields: str) -> bytes:
    """Return a redirect."""
    return page("", f"Location: {location}", *fields, status="302 Found")


def options(output: Path | str, urls: Sequence[str], **changes: Any) -> Options:
    """Return what `client record URL... -o OUTPUT` asks for, with changes."""
    usual: dict[str, Any] = {
        "urls": [*urls],
        "follow": False,
        "har": None,
        "name": None,
        "output": str(output),
        "fields": [],
        "head_only": False,
        "max_body": 1_000_000,
        "keep_secrets": False,
        "force": False,
        "ca": None,
        "insecure": False,
        "timeout_s": 20.0,
    }
    return Options(**usual | changes)


def files(directory: Path) -> list[str]:
    """Return the recordings in a directory."""
    return sorted(str(file.relative_to(directory)) for file in directory.rglob("*.http"))


def sidecar(directory: Path, name: str) -> dict[str, Any]:
    """Return what a sidecar says."""
    return tomllib.loads((directory / f"{name}.toml").read_text())


async def raw_from(url: str, topology: Topology, method: str = "GET") -> bytes:
    """Return the bytes that come for a URL."""
    source = source_of(url)
    asked = request_bytes(source, []).replace(b"GET", method.encode(), 1)
    response = await fetch(FetchRequest(source, asked, timeout_s=20, max_body=10**7, tls=None), topology)
    return response.head + response.body
