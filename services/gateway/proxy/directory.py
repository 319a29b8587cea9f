"""The names that the gateway passes requests on to, and where each is reached: all others are refused.

A directory is a closed list: nothing that a client sends is ever looked up or connected to, unless it is in there. The
embedded lab has its own (in `lab.embedded`); `ComposeDirectory` is that of the containers. There, one site takes hosts
that are not recorded, and a name that no list has may be one of those: `find` leads to that site, and `has` asks it
whether the host is there before any connection is made for a client.
"""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from services.gateway.proxy.played_hosts import PlayedHosts
from services.runtime.http import HOST_NAME, Address

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

    @property
    def takes_hosts(self) -> str:
        """The name under which the admin side answers that takes new hosts; nothing where every host's does."""

    async def look(self) -> None:
        """Learn which hosts there are now, where that is not known without asking."""

    async def has(self, name: str) -> bool:
        """Return whether a name that `find` has found is there now."""

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

    A name is reached under the service's name. `hello`: its name and port. `played`: the hosts of the service that
    takes new ones, None where there is no such service; `channels`: where sites take connections of clients, None where
    all are relayed.
    """

    services: Mapping[str, str]
    hello: Address
    channels: "TakesConnections | None" = None
    played: PlayedHosts | None = None
    is_direct: bool = field(default=False, init=False)

    @property
    def hello_url(self) -> str:
        return self.hello.url

    @property
    def takes_hosts(self) -> str:
        return self.played.service if self.played else ""

    async def look(self) -> None:
        if self.played:
            await self.played.ask()

    async def has(self, name: str) -> bool:
        if name not in self._fixed():
            await self.look()
        return name in self.names()

    def urls(self) -> Mapping[str, SiteUrls]:
        admins = {host: self._admin_of(host) for host in (*self.services, *self._played())}
        return {host: SiteUrls(f"http://{host}", f"https://{host}", admin) for host, admin in admins.items()}

    def names(self) -> Sequence[str]:
        return sorted(self._fixed() | self._played())

    def find(self, name: str, port: int) -> Address | None:
        if name == self.hello.host:
            return self.hello if port == self.hello.port else None
        service = self.services.get(name) or (name if name in self._fixed() else None)
        if not service and self.played and HOST_NAME.fullmatch(name):
            service = self.played.service  # `has` says whether it is there
        return Address(service, port) if service and port in SITE_PORTS else None

    def _admin_of(self, host: str) -> str:
        """Return the admin side of a host: one of several hosts has the same URL for all of them."""
        service = self.services.get(host, self.takes_hosts)
        return f"http://{service if service == self.takes_hosts else host}:{ADMIN_PORT}"

    def _fixed(self) -> set[str]:
        """Return the names that do not come and go; none of them can be that of a played host."""
        return {*self.services, *self.services.values(), *filter(None, [self.takes_hosts]), self.hello.host}

    def _played(self) -> set[str]:
        return {*self.played.names} - self._fixed() if self.played else set()

    def announce(self, link: Link) -> bytes:
        """Return a line of the PROXY protocol, version 1, for the ports on which a site reads it."""
        is_site = link.asked.host != self.hello.host and link.asked.port in (HTTP_PORT, TLS_PORT)
        return proxy_line(link.client, link.local) if is_site else b""

    def forget(self, link: Link) -> None:
        """Do nothing: the line was sent, and nothing is held."""

    def hand_over(self, connected: socket.socket, handover: Handover) -> bool:
        """Send the socket to the site's container, if it takes any. A host that comes and goes has to be asked for."""
        route = self.find(*handover.asked) if handover.asked.host in self._fixed() else None
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
