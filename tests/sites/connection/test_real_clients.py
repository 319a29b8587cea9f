"""Real clients, from their packages: curl, wget and aiohttp's fetch all three tutorial sites without complaint.

Over HTTP, and over TLS with the lab's CA. A missing program skips with a reason, and fails where CI is set.
"""

import asyncio
import contextlib
import os
import shutil
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from lab.embedded.sites import embedded_sites
from services.client.settings import TUTORIAL_HOSTS
from services.sites.server import RunningSite
from services.sites.tls.authority import CA_FILE

pytestmark = pytest.mark.anyio

SECURE = pytest.mark.parametrize("secure", [False, True], ids=["http", "tls"])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host is reached, and the CA of its certificate."""

    host: str
    port: int
    secure: bool
    ca: Path

    @property
    def url(self) -> str:
        """The URL of its first page."""
        return f"http{'s' if self.secure else ''}://{self.host}:{self.port}/"


@asynccontextmanager
async def places(*, secure: bool) -> AsyncIterator[list[Place]]:
    """Run the lab's three sites and say where they are."""
    async with embedded_sites() as running:
        yield [place(running, host, secure=secure) for host in TUTORIAL_HOSTS]


def place(running: RunningSite, host: str, *, secure: bool) -> Place:
    """Return where a host is reached."""
    directory = running.site.settings.ca
    assert directory
    return Place(host, running.listeners.of(host)[secure].port, secure, directory / CA_FILE)


@pytest.fixture
def curl() -> str:
    """Return where curl is."""
    return program("curl")


@pytest.fixture
def wget() -> str:
    """Return where wget is."""
    return program("wget")


def program(name: str) -> str:
    """Return where a program is, or skip."""
    found = shutil.which(name)
    if found is None:
        missing: Callable[[str], None] = pytest.fail if os.environ.get("CI") else pytest.skip
        missing(f"{name} is not installed")
    return str(found)


async def run(*words: str) -> tuple[int, str]:
    """Run a program to its end, and return its exit code and its output."""
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env={"LC_ALL": "C"}
    )
    said, _nothing = await process.communicate()
    return process.returncode or 0, said.decode("latin-1")


@SECURE
async def test_curl_reads_every_site_without_an_error(curl: str, secure: bool) -> None:
    """It checks the certificate, the length and the gzip, and gives exit code 0."""
    async with places(secure=secure) as all_places:
        for place in all_places:
            code, said = await run(
                *(curl, "--silent", "--show-error", "--compressed", "--cacert", str(place.ca)),
                *("--resolve", f"{place.host}:{place.port}:127.0.0.1", "--noproxy", "*"),
                *("--output", "/dev/null", "--write-out", "%{http_code} %{num_connects}", place.url),
            )
            assert (code, said) == (0, "302 1" if place.host == "www.163.com" else "200 1")


@SECURE
async def test_wget_reads_every_site_without_an_error(wget: str, secure: bool, tmp_path: Path) -> None:
    """It cannot be given addresses, but a proxy; over TLS it checks the certificate through that proxy.

    www.163.com redirects, as it did then; wget is told not to follow, which it calls an error of the server (8).
    """
    async with places(secure=secure) as all_places:
        for place in all_places:
            async with tunnel(place.port) as tunnel_port:
                port = tunnel_port if secure else place.port
                code, said = await run(
                    *(wget, "--tries=1", "--timeout=20", "--max-redirect=0", "--no-hsts", "--server-response"),
                    *("-e", "use_proxy=yes", "-e", f"http{'s' if secure else ''}_proxy=127.0.0.1:{port}"),
                    *("--ca-certificate", str(place.ca), "-O", str(tmp_path / "page"), place.url),
                )
            redirected = place.host == "www.163.com"
            assert code == (8 if redirected else 0), said
            assert ("302 Moved Temporarily" if redirected else "200 OK") in said


@asynccontextmanager
async def tunnel(port: int) -> AsyncIterator[int]:
    """Run a proxy whose CONNECT always leads to that port of this machine; give its own port."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):  # wget resets a connection of which it has read enough
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.TaskGroup() as group:
            group.create_task(relay(reader, to_writer))
            group.create_task(relay(to_reader, writer))

    async with await asyncio.start_server(lead, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


class Names(AbstractResolver):
    """Says that every name is this machine."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return 127.0.0.1."""
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        """Nothing to close."""


@SECURE
async def test_aiohttps_client_reads_every_site_without_an_error(secure: bool) -> None:
    """Its parser is strict, and it decompresses 92,426 bytes."""
    async with places(secure=secure) as all_places:
        context = await asyncio.to_thread(ssl.create_default_context, cafile=str(all_places[0].ca))
        connector = aiohttp.TCPConnector(resolver=Names(), ssl=context)
        async with aiohttp.ClientSession(connector=connector) as session:
            for place in all_places:
                async with session.get(place.url, allow_redirects=False) as answer:
                    body = await answer.read()
                assert answer.status == (302 if place.host == "www.163.com" else 200)
                assert body.startswith(b"<!doctype html>") is (place.host != "www.163.com")
