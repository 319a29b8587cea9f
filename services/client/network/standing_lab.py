"""A lab that stands, which the client joins through its gateway: `client --lab URL` or ASYNCLAB_URL.

`GET URL/lab` says where everything is. The embedded lab (`lab serve`) is `direct`: its sites are reached at addresses
of their own, as `lab embedded` reaches them. The lab in containers is not: a connection to one of its names is a tunnel
through the gateway (`services.client.survey.transport.tunnel`), and requests to hello and to the admin API go through
the gateway as through any proxy.

A port that Docker publishes at 127.0.0.1 is that of a program (its userland proxy), which passes a RST on as a FIN. The
gateway says its own address, and on Linux the client goes on there if the same gateway answers.
"""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from services.client.errors import fetch_error
from services.client.head import Head, HeadError, HeadReader
from services.client.network.resolver import look_up
from services.client.network.tunnels import local_tunnels
from services.client.settings import ClientSettings
from services.client.topology import Route, Topology, Tunnels
from services.runtime.cli import INTERRUPTED
from services.runtime.errors import BadSetting, ProgramError
from services.runtime.files.temporary import async_temporary_directory
from services.runtime.http import ADMIN_PORT, HOST_NAME, HTTP_PORT, TLS_PORT, is_ip_address
from services.runtime.run import Stop, until_stopped

TIMEOUT_S = 5.0
NEARER_TIMEOUT_S = 1.0
LOOPBACK = ("127.0.0.1", "::1")
MAX_PAGE_BYTES = 16 * 1024 * 1024  # thousands of hosts have a few MB
CA_FILE = "ca.pem"
Main = Callable[[ClientSettings, Stop], Awaitable[int]]
URL = re.compile(r"http://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?/?", re.IGNORECASE)
SITE_URL = re.compile(r"https?://([0-9.]+|\[[0-9a-f:.]+\]):([0-9]{1,5})")


class LabUnreachable(ProgramError):
    """No lab answers at a URL."""

    exit_code = 4

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"no lab answers at {url} ({reason}): start one with `lab serve`, or correct --lab, ASYNCLAB_URL"
        )
        self.url, self.reason = url, reason


class NotALab(ProgramError):
    """What answers at a URL is no gateway of a lab."""

    exit_code = 4

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"what answers at {url} is no lab ({reason}): give the gateway's URL, as `lab serve` prints it"
        )
        self.url, self.reason = url, reason


@dataclass(frozen=True, slots=True)
class LabUrl:
    """The URL of a lab's gateway: as it was given, and its parts."""

    text: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Lab:
    """What a lab says of itself. `gateway`: the address at which it answered; `routes`: the hosts, and their addresses.

    The addresses of a lab that is not `direct` are those of its gateway. `own_address`: where the gateway says that it
    is, None where it says nothing; `identity`: what no other gateway says.
    """

    url: LabUrl
    gateway: Route
    direct: bool
    hello_url: str
    routes: Mapping[Route, Route]
    own_address: Route | None = None
    identity: str = ""

    def settings(
        self, usual: ClientSettings, *, ca_file: Path | None, tunnels: Tunnels | None = None
    ) -> ClientSettings:
        """Return the settings with which the client reaches this lab; `tunnels`: where it is not direct."""
        gateway = None if self.direct else self.gateway
        return replace(
            usual,
            topology=Topology(self.routes, closed=True, gateway=gateway, tunnels=tunnels),
            hello_url=self.hello_url,
            ca_file=ca_file,
            called=f"{usual.called} --lab {self.url.text}",
        )


def parse_lab_url(name: str, text: str) -> LabUrl:
    """Return the URL of a lab. Raises BadSetting; `name`: of the option or the variable that has the text."""
    found = URL.fullmatch(text)
    if not found or not 0 < int(found[2] or 80) <= 65_535:
        raise BadSetting(name, text, "the URL of a lab's gateway, as http://127.0.0.1:3128")
    return LabUrl(text.removesuffix("/"), found[1].strip("[]"), int(found[2] or 80))


async def run_in_lab(url: LabUrl, main: Main, usual: ClientSettings, stop: Stop, *, with_ca: bool) -> int:
    """Run `main` with the settings of a lab and return its exit code. Raises LabUnreachable or NotALab."""
    async with joined_lab(url, usual, stop, with_ca=with_ca) as settings:
        return INTERRUPTED if settings is None else await main(settings, stop)


@asynccontextmanager
async def joined_lab(
    url: LabUrl, usual: ClientSettings, stop: Stop, *, with_ca: bool
) -> AsyncIterator[ClientSettings | None]:
    """Yield the settings with which the client reaches a lab, or None where a stop came first.

    `with_ca`: whether the CA's certificate is wanted; it is then in a file that exists as long as this is entered.
    Raises LabUnreachable or NotALab.
    """
    found: list[tuple[Lab, bytes]] = []

    async def look() -> int:
        found.append(await read_lab(url, with_ca=with_ca))
        return 0

    if await until_stopped(look(), stop):
        yield None
        return
    [(lab, certificate)] = found
    async with AsyncExitStack() as resources:
        file = None
        if with_ca:
            file = await resources.enter_async_context(async_temporary_directory("client-ca-")) / CA_FILE
            await asyncio.to_thread(file.write_bytes, certificate)
        if lab.direct:
            yield lab.settings(usual, ca_file=file)
        else:
            tunnels = await resources.enter_async_context(local_tunnels(lab.gateway))
            yield lab.settings(usual, ca_file=file, tunnels=tunnels)


async def read_lab(url: LabUrl, *, with_ca: bool) -> tuple[Lab, bytes]:
    """Return what a lab says of itself, and its CA's certificate if it is wanted. Raises LabUnreachable or NotALab."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            gateway = await look_up(url.host, url.port)
            lab = parse_lab(url, gateway, await get(url, gateway, "/lab"))
            lab = await without_forwarder(lab) or lab
            return lab, await get(url, lab.gateway, f"/{CA_FILE}") if with_ca else b""
    except TimeoutError as error:
        raise LabUnreachable(url.text, f"no answer within {TIMEOUT_S:g} s") from error
    except OSError as error:
        raise LabUnreachable(url.text, fetch_error(error).kind) from error


async def without_forwarder(lab: Lab) -> Lab | None:
    """Return the lab as its gateway has it at its own address, if this machine reaches the same gateway there."""
    own = lab.own_address
    if not (own and lab.identity and sys.platform == "linux") or lab.gateway[0] not in LOOPBACK or own[0] in LOOPBACK:
        return None
    try:
        async with asyncio.timeout(NEARER_TIMEOUT_S):
            found = parse_lab(lab.url, own, await get(lab.url, own, "/lab"))
    except (OSError, NotALab):  # a TimeoutError is an OSError
        return None
    return found if found.identity == lab.identity else None


async def get(url: LabUrl, gateway: Route, path: str) -> bytes:
    """Return a page of the gateway's own. Raises NotALab or OSError."""
    reader, writer = await asyncio.open_connection(*gateway)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {url.authority}\r\nConnection: close\r\n\r\n".encode())
        raw = bytearray()
        while data := await reader.read(64 * 1024):
            raw += data
            if len(raw) > MAX_PAGE_BYTES:
                raise NotALab(url.text, f"its {path} has more than {MAX_PAGE_BYTES:,} bytes")
    finally:
        writer.close()
    head = parse_head(url, bytes(raw))
    if head.status != 200:
        raise NotALab(url.text, f"its {path} has status {head.status}")
    return head.rest


def parse_head(url: LabUrl, raw: bytes) -> Head:
    """Return the head of a response, with the body as its rest. Raises NotALab."""
    reader = HeadReader()
    try:
        return reader.feed(raw) or reader.eof()
    except HeadError as error:
        raise NotALab(url.text, "it does not answer in HTTP") from error


def parse_lab(url: LabUrl, gateway: Route, body: bytes) -> Lab:
    """Return the lab that a page `/lab` describes. Raises NotALab."""
    try:
        page = json.loads(body)
        if page["v"] != 1:
            raise NotALab(url.text, "it is of another version: update this client, or that lab")
        direct, hello, sites = page["direct"], page["hello"], page["sites"]
        if not (isinstance(direct, bool) and isinstance(hello, str) and isinstance(sites, dict)):
            raise TypeError
        own_address = parse_address(page["address"]) if page.get("address") else None
        identity = str(page.get("identity", ""))
        routes: dict[Route, Route] = {}
        for host, urls in sites.items():
            if not HOST_NAME.fullmatch(host):
                raise ValueError(host)
            for port, key in ((HTTP_PORT, "http"), (TLS_PORT, "tls"), (ADMIN_PORT, "admin")):
                routes[host, port] = parse_address(urls[key]) if direct else gateway
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotALab(url.text, "its /lab does not say where the sites are") from error
    return Lab(url, gateway, direct, hello, routes, own_address, identity)


def parse_address(url: str) -> Route:
    """Return the address of a URL. Raises ValueError or TypeError."""
    found = SITE_URL.fullmatch(url)
    if not found or not is_ip_address(host := found[1].strip("[]")) or not 0 < int(found[2]) <= 65_535:
        raise ValueError(url)
    return host, int(found[2])
