"""A gateway to test, in front of a site, and clients that speak bytes through it."""

import dataclasses
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lab.embedded.gateway import HELLO, embedded_gateway
from services.gateway.proxy.directory import Handover, Link, SiteUrls
from services.gateway.proxy.server import proxy_served
from services.gateway.proxy.settings import ProxySettings
from services.gateway.proxy.shared import Shared
from services.runtime.http import Address
from services.sites.server import RunningSite
from tests.sites.peer import TIMEOUT_S, Heard, Peer, SecureSocket, listen
from tests.sites.target import KEEP, Target, sites, target_of

Way = Literal["direct", "absolute", "connect"]
LOOPBACK = Address("127.0.0.1", 0)
CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@dataclass(frozen=True, slots=True)
class ProxiedPeer(Peer):
    """A way to a host through a gateway, whose address this is: in absolute-form, or by CONNECT."""

    way: Way = "absolute"

    def connect(self) -> socket.socket | SecureSocket:
        """Return a connection on which the host can be asked."""
        connection = socket.create_connection(self.address, timeout=TIMEOUT_S)
        if self.way == "absolute":
            return connection
        port = 443 if self.context else 80
        connection.sendall(f"CONNECT {self.host}:{port} HTTP/1.1\r\nHost: {self.host}:{port}\r\n\r\n".encode())
        assert listen(connection, len(CONNECTED)) == Heard(CONNECTED, "open")
        try:
            return SecureSocket(connection, self.context, self.host) if self.context else connection
        except BaseException:
            connection.close()
            raise

    def get(self, target: str = "/", *, method: str = "GET", fields: str = "") -> bytes:
        """Return a request."""
        if self.way == "absolute":
            target = f"http://{self.host}{target}"
        return f"{method} {target} HTTP/1.1\r\nHost: {self.host}\r\n{fields}\r\n".encode("latin-1")


@asynccontextmanager
async def gateway_to(running: RunningSite, hello: Address = LOOPBACK) -> AsyncIterator[Address]:
    """Run the embedded lab's gateway for a running site."""
    async with embedded_gateway(running, hello) as address:
        yield address


@asynccontextmanager
async def site_through(
    way: Way, directory: Path, raw: bytes = KEEP, *, secure: bool = False, **changes: object
) -> AsyncIterator[Target]:
    """Run keep.test behind a gateway, and give it as a target that is reached that way."""
    async with sites({"keep.test.http": raw}, directory, **changes) as running, gateway_to(running) as gateway:
        target = await target_of(running, "keep.test", secure=secure)
        if way != "direct":
            peer = ProxiedPeer(gateway, target.host, target.peer.context, way)
            target = dataclasses.replace(target, peer=peer)
        yield target


@dataclass(slots=True)
class OwnDirectory:
    """A directory of the test's own hosts, as listening sockets by name; each is at its port 80.

    `gone`: those that are found, and are not there any more.
    """

    hosts: dict[str, Address] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    announced: list[Link] = field(default_factory=list)
    forgotten: list[Link] = field(default_factory=list)
    is_direct: bool = True
    hello_url: str = HELLO.url
    takes_hosts: str = ""

    async def look(self) -> None:
        """Do nothing: the hosts are known."""

    async def has(self, name: str) -> bool:
        """Return whether a name is there."""
        return name not in self.gone

    def urls(self) -> dict[str, SiteUrls]:
        """Return nothing: no page of these tests shows it."""
        return {}

    def names(self) -> list[str]:
        """Return the names."""
        return sorted(self.hosts.keys() - self.gone)

    def find(self, name: str, port: int) -> Address | None:
        """Return where a name's port 80 is reached."""
        return self.hosts.get(name) if port == 80 else None

    def announce(self, link: Link) -> bytes:
        """Note a connection."""
        self.announced.append(link)
        return b""

    def forget(self, link: Link) -> None:
        """Note the end of a connection."""
        self.forgotten.append(link)

    def hand_over(self, _connected: socket.socket, _handover: Handover) -> bool:
        """Have everything relayed: the test is the host."""
        return False


@dataclass(frozen=True, slots=True)
class Ends:
    """A gateway, and the hosts behind it, which the test is itself."""

    proxy: Shared
    directory: OwnDirectory
    listeners: dict[str, socket.socket]

    def client(self) -> socket.socket:
        """Return a new connection to the gateway."""
        return socket.create_connection(self.proxy.address, timeout=TIMEOUT_S)

    def host(self, name: str) -> socket.socket:
        """Return the next connection that the gateway makes to a host."""
        connection, _peer = self.listeners[name].accept()
        connection.settimeout(TIMEOUT_S)
        return connection

    def ask(self, request: bytes) -> Heard:
        """Return what a request gets, up to the end of the stream."""
        with self.client() as connection:
            connection.sendall(request)
            return listen(connection, 1 << 62)


@contextmanager
def listeners(*names: str) -> Iterator[dict[str, socket.socket]]:
    """Listen for each name."""
    made = {name: socket.create_server(LOOPBACK) for name in names}
    try:
        for each in made.values():
            each.settimeout(TIMEOUT_S)
        yield made
    finally:
        for each in made.values():
            each.close()


@asynccontextmanager
async def gateway_of(*names: str, **changes: object) -> AsyncIterator[Ends]:
    """Run a gateway in front of hosts of the test's own."""
    with listeners(*names) as made:
        directory = OwnDirectory({name: Address(*each.getsockname()[:2]) for name, each in made.items()})
        settings = dataclasses.replace(ProxySettings(LOOPBACK, drain_s=0), **changes)  # type: ignore[arg-type]
        async with proxy_served(settings, directory) as proxy:
            yield Ends(proxy, directory, made)
