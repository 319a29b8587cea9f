"""A site to test against: the addresses of a host, its admin side, and what it plays, wherever it runs."""

import base64
import dataclasses
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import anyio
import anyio.to_thread

from lab.embedded.sites import embedded_sites
from services.sites.replay.recording import Recording, read_recording
from services.sites.server import RunningSite
from services.sites.settings import SitesSettings
from tests.sites.peer import Peer

KEEP = b"HTTP/1.1 200 OK\r\nX-CASE: a\r\nx-case:b\r\nContent-Length: 5\r\nX-Long: 0123456789abcdef\r\n\r\nhello"


@dataclass(frozen=True, slots=True)
class Target:
    """A host to test."""

    peer: Peer
    admin: str
    recording: Recording

    @property
    def host(self) -> str:
        """Its name."""
        return self.peer.host

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, Mapping[str, object]]:
        """Ask the admin side, and return status and answer."""
        own = {"Host": self.host}  # the address is not one of its names
        async with (
            aiohttp.ClientSession(headers=own) as session,
            session.request(method, self.admin + path, json=body) as answer,
        ):
            return answer.status, await answer.json()

    async def set_plan(self, plan: list[dict[str, object]]) -> None:
        """Put a plan in force."""
        status, answer = await self.call("PUT", f"/faults/{self.host}", {"faults": plan})
        assert status == 200, answer

    async def play(self, response: bytes, *, host: str = "", **more: object) -> tuple[int, Mapping[str, object]]:
        """Add a play to this host, or to another one, and return status and answer."""
        body = {"response": base64.b64encode(response).decode(), **more}
        return await self.call("POST", f"/plays/{host or self.host}", body)

    async def bodies(self, *paths: str, method: str = "GET", fields: str = "") -> list[bytes]:
        """Ask for these paths, each on a connection of its own, and return the bodies."""

        def ask(path: str) -> bytes:
            request = self.peer.get(path, method=method, fields=f"Connection: close\r\n{fields}")
            return self.peer.ask(request).data.partition(b"\r\n\r\n")[2]

        return [await anyio.to_thread.run_sync(ask, path) for path in paths]

    async def entries(self, query: str = "") -> list[Mapping[str, object]]:
        """Return the journal's entries of this host."""
        status, answer = await self.call("GET", f"/journal?host={self.host}{query}")
        assert status == 200, answer
        entries = answer["entries"]
        assert isinstance(entries, list)
        return entries

    async def ended(self) -> list[Mapping[str, object]]:
        """Return the journal's entries of this host once every exchange has ended."""
        with anyio.fail_after(20):
            while True:
                entries = await self.entries()
                if entries and all(entry["ended"] for entry in entries):
                    return entries


@asynccontextmanager
async def sites(recordings: Mapping[str, bytes], directory: Path, **changes: object) -> AsyncIterator[RunningSite]:
    """Run sites that play these recordings (by file name), each host at ports of its own."""
    for name, data in recordings.items():
        file = anyio.Path(directory, name)
        await file.parent.mkdir(exist_ok=True)
        await file.write_bytes(data)
    settings = dataclasses.replace(SitesSettings(directory=directory), **changes)  # type: ignore[arg-type]
    async with embedded_sites(settings) as running:
        yield running


async def target_of(running: RunningSite, host: str, *, secure: bool = False) -> Target:
    """Return a running site's host, over TLS if asked."""
    address = running.listeners.of(host)[secure]
    context = None
    if secure:
        pem = await anyio.to_thread.run_sync(running.authority.certificate)
        context = ssl.create_default_context(cadata=pem.decode())
    return Target(Peer(address, host, context), running.admin.url, running.site.hosts[host].recording)


@asynccontextmanager
async def one_site(
    directory: Path, raw: bytes = KEEP, *, secure: bool = False, sidecar: bytes = b"", **changes: object
) -> AsyncIterator[Target]:
    """Run one site, keep.test, and give it as a target."""
    files = {"keep.test.http": raw} | ({"keep.test.toml": sidecar} if sidecar else {})
    async with sites(files, directory, **changes) as running:
        yield await target_of(running, "keep.test", secure=secure)


def response_of(body: bytes | str, *, status: str = "200 OK") -> bytes:
    """Return a response with this body."""
    content = body.encode() if isinstance(body, str) else body
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(content), content)


def recording_of(raw: bytes, host: str = "keep.test") -> Recording:
    """Return a recording without a directory."""
    return read_recording(host, raw)
