"""The gateway of the embedded lab: which host and port it leads to, how many connections it may have, its proxy."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lab.embedded.sites import LOOPBACK, SiteRoutes
from services.gateway.proxy.directory import Directory, Handover, Link, SiteUrls
from services.gateway.proxy.server import proxy_served
from services.gateway.proxy.settings import ProxySettings
from services.runtime.http import ADMIN_PORT, HTTP_PORT, TLS_PORT, Address
from services.runtime.process import open_files, raise_open_files
from services.sites.server import RunningSite
from services.sites.tls.authority import CA_FILE

HELLO = Address("hello", 8000)  # what the gateway's clients call it, as in containers
FILES_PER_RELAYED_CONNECTION = 2  # the client's, and one to a site, whose other end is of the site's share
GATEWAY_PART = 4  # the gateway has one connection for so many files at most
SPARE_FILES = 4  # for what is opened and closed meanwhile


class EmbeddedDirectory(Directory):
    """The names of the gateway in this process: the recorded hosts as they are at this moment, and hello."""

    is_direct = True
    takes_hosts = ""

    def __init__(self, running: RunningSite, hello: Address) -> None:
        self._site = running.site
        self._listeners = running.listeners
        self._routes = SiteRoutes(running)
        self._hello = hello

    @property
    def hello_url(self) -> str:
        return self._hello.url

    async def look(self) -> None:
        """Do nothing: the hosts are those of this process."""

    async def has(self, _name: str) -> bool:
        return True

    def urls(self) -> dict[str, SiteUrls]:
        return {
            host: SiteUrls(
                self._routes[host, HTTP_PORT].url,
                self._routes[host, TLS_PORT].url.replace("http", "https", 1),
                self._routes[host, ADMIN_PORT].url,
            )
            for host in list(self._site.hosts)
            if (host, HTTP_PORT) in self._routes  # a host that has just come may have no listener yet
        }

    def names(self) -> list[str]:
        return sorted({*self._site.hosts, HELLO.host})

    def find(self, name: str, port: int) -> Address | None:
        return self._hello if (name, port) == HELLO else self._routes.get((name, port))

    def announce(self, link: Link) -> bytes:
        """Tell the site itself, which is in this process and on this thread."""
        if link.asked != HELLO:
            self._site.relayed[str(link.local), str(link.server)] = str(link.client)
        return b""

    def forget(self, link: Link) -> None:
        self._site.relayed.pop((str(link.local), str(link.server)), None)

    def hand_over(self, connected: socket.socket, handover: Handover) -> bool:
        """Let the site serve it in this process; hello and the admin sides are relayed to, and a host that refuses."""
        return self._listeners.take(*handover.asked, connected, ahead=handover.ahead, came=handover.came)


def gateway_share(files: int, *, in_use: int, sites: int) -> int:
    """Return how many connections the gateway may have, so that the files of this process are enough.

    `files`: the limit; `in_use`: those that are open before any connection; `sites`: how many connections the sites may
    have, one file each. A connection that the gateway hands over is one of these.
    """
    left = (files - in_use - SPARE_FILES - sites) // FILES_PER_RELAYED_CONNECTION
    return max(1, min(left, files // GATEWAY_PART))


@asynccontextmanager
async def embedded_gateway(
    running: RunningSite, hello: Address, *, port: int = 0, drain_s: float = 0.0
) -> AsyncIterator[Address]:
    """Serve the forward proxy for running sites and hello on loopback while inside, and yield its address.

    Raises PortUnavailable.
    """
    settings = ProxySettings(
        Address(LOOPBACK.host, port),
        max_connections=gateway_share(
            raise_open_files(), in_use=await asyncio.to_thread(open_files), sites=running.site.max_connections
        ),
        drain_s=drain_s,
    )
    ca = running.site.settings.ca
    async with proxy_served(
        settings,
        EmbeddedDirectory(running, hello),
        ca=ca / CA_FILE if ca else None,
        not_ready=lambda: running.site.trouble,
    ) as gateway:
        yield gateway.address
