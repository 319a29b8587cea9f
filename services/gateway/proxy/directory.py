"""The names that the gateway passes requests on to, and where each is reached: all others are refused.

A directory is a closed list: nothing that a client sends is ever looked up or connected to, unless it is in there. The
embedded lab has its own (`lab.embedded`); `ComposeDirectory` is that of the containers.
"""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from services.runtime.http import Address

HTTP_PORT, TLS_PORT, ADMIN_PORT = 80, 443, 8081
SITE_PORTS = (HTTP_PORT, TLS_PORT, ADMIN_PORT)
MAX_SHOWN_NAMES = 10


class SiteUrls(NamedTuple):
    """Where a host is reached without the gateway."""

    http: str
    tls: str
    admin: str


class Link(NamedTuple):
    """A connection of the gateway to a host, made for a client: `local` and `server` are its ends.

    `asked`: the name and port that the client asked for; `client`: the client's own address.
    """

    asked: Address
    client: Address
    local: Address
    server: Address


class Handover(NamedTuple):
    """What a site gets with a client's connection.

    `asked`: the name and port that the client asked for; `ahead`: what the client is sent first; `came`: what the site
    reads first.
    """

    asked: Address
    ahead: bytes
    came: bytes


class Directory(Protocol):
    """Which names there are."""

    @property
    def is_direct(self) -> bool:
        """Whether a client on this machine reaches the addresses of `urls` itself."""

    @property
    def hello_url(self) -> str:
        """Where hello is reached without the gateway."""

    def urls(self) -> Mapping[str, SiteUrls]:
        """Return the recorded hosts, and where each is reached."""

    def names(self) -> Sequence[str]:
        """Return every name."""

    def find(self, name: str, port: int) -> Address | None:
        """Return where a name's port is reached; None where there is no such name or port."""

    def announce(self, link: Link) -> bytes:
        """Tell a site which client a connection is for, before the site sees it.

        Return what is to be sent ahead of the client's own bytes.
        """

    def forget(self, link: Link) -> None:
        """Take note that a connection has ended."""

    def hand_over(self, connected: socket.socket, handover: Handover) -> bool:
        """Give a client's connection to the site that it is for; return False where it has to be relayed.

        Where it returns True, the socket belongs to the site.
        """


class TakesConnections(Protocol):
    """Sites in other processes."""

    def send(self, service: str, connected: socket.socket, handover: Handover) -> bool:
        """Hand a client's connection over to a service; return False where it cannot be now."""


@dataclass(frozen=True, slots=True)
class ComposeDirectory:
    """The containers. `services`: by each recorded host, the Compose service that plays it.

    A name is reached under the service's name. `hello`: its name and port. `channels`: where sites take connections of
    clients, None where all are relayed.
    """

    services: Mapping[str, str]
    hello: Address
    channels: "TakesConnections | None" = None
    is_direct: bool = field(default=False, init=False)

    @property
    def hello_url(self) -> str:
        return self.hello.url

    def urls(self) -> Mapping[str, SiteUrls]:
        return {
            host: SiteUrls(f"http://{host}", f"https://{host}", f"http://{host}:{ADMIN_PORT}") for host in self.services
        }

    def names(self) -> Sequence[str]:
        return sorted({*self.services, *self.services.values(), self.hello.host})

    def find(self, name: str, port: int) -> Address | None:
        if name == self.hello.host:
            return self.hello if port == self.hello.port else None
        service = self.services.get(name) or (name if name in self.services.values() else None)
        return Address(service, port) if service and port in SITE_PORTS else None

    def announce(self, link: Link) -> bytes:
        """Return a line of the PROXY protocol, version 1, for the ports on which a site reads it."""
        is_site = link.asked.host != self.hello.host and link.asked.port in (HTTP_PORT, TLS_PORT)
        return proxy_line(link.client, link.local) if is_site else b""

    def forget(self, link: Link) -> None:
        """Do nothing: the line was sent, and nothing is held."""

    def hand_over(self, connected: socket.socket, handover: Handover) -> bool:
        """Send the socket to the site's container, if it takes any."""
        route = self.find(*handover.asked)
        if self.channels is None or route is None or handover.asked.port not in (HTTP_PORT, TLS_PORT):
            return False
        return route.host != self.hello.host and self.channels.send(route.host, connected, handover)


def proxy_line(client: Address, server: Address) -> bytes:
    """Return the line that names the ends of a client's connection: the PROXY protocol, version 1."""
    family = "TCP6" if ":" in client.host else "TCP4"
    return f"PROXY {family} {client.host} {server.host} {client.port} {server.port}\r\n".encode()


def listed(names: Sequence[str]) -> str:
    """Return names for a line, not more than fit in one."""
    more = f" and {len(names) - MAX_SHOWN_NAMES} more" if len(names) > MAX_SHOWN_NAMES else ""
    return ", ".join(names[:MAX_SHOWN_NAMES]) + more
