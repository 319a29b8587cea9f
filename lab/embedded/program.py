"""The lab in one process: the same applications as in the containers, on loopback, at ports that the system chooses.

It needs no Docker and no privileges, and no container has to start: the quickest way to try or to debug an experiment.
"""

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

from lab import PROGRAM
from lab.embedded import broker
from services.client.broker_settings import BrokerSettings
from services.client.cli import Invocation
from services.client.settings import LAB, ClientSettings
from services.client.topology import Topology
from services.gateway.proxy.directory import Directory, Handover, Link, SiteUrls
from services.gateway.proxy.server import proxy_served
from services.gateway.proxy.settings import ProxySettings
from services.hello.settings import HelloSettings
from services.runtime.errors import ProgramError
from services.runtime.files.temporary import async_temporary_directory
from services.runtime.http import ADMIN_PORT, HTTP_PORT, TLS_PORT, Address
from services.runtime.process import open_files, raise_open_files
from services.runtime.run import Stop
from services.runtime.terminal import say
from services.sites.listening.listeners import Listeners
from services.sites.server import RunningSite, serve_site
from services.sites.settings import SitesSettings
from services.sites.tls.authority import CA_FILE

LOOPBACK = Address("127.0.0.1", 0)
EMBEDDED = f"{PROGRAM} embedded"
FETCHES = "services.client.wget.command"  # the handler of the command that asks sites, and nothing else
HELLO = Address("hello", 8000)  # what the gateway's clients call it, as in containers
FILES_PER_CONNECTION = 2  # this process has both ends
FILES_PER_RELAYED_CONNECTION = 2  # the client's, and one to a site, whose other end is of the site's share
GATEWAY_PART = 4  # the gateway has one connection for so many files at most
SPARE_FILES = 4  # for what is opened and closed meanwhile


class RecordingUnfit(ProgramError):
    """A recording cannot be played, so the lab does not start."""

    exit_code = 3

    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot play recording {reason}")
        self.reason = reason


class SiteRoutes(Mapping[tuple[str, int], Address]):
    """The addresses of a running site's hosts at this moment: recordings may come and go while it runs."""

    def __init__(self, running: RunningSite) -> None:
        self._running = running

    def __getitem__(self, name: tuple[str, int]) -> Address:
        host, port = name
        if host not in self._running.site.hosts:
            raise KeyError(name)
        if port == ADMIN_PORT:
            return self._running.admin
        for known, address in zip((HTTP_PORT, TLS_PORT), self._running.listeners.of(host), strict=False):
            if known == port:
                return address
        raise KeyError(name)

    def __iter__(self) -> Iterator[tuple[str, int]]:
        admin = ((host, ADMIN_PORT) for host in self._running.site.hosts)
        yield from (*self._addresses(), *admin)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _addresses(self) -> dict[tuple[str, int], Address]:
        listeners: Listeners = self._running.listeners
        return {
            (host, port): address
            for host in self._running.site.hosts
            for port, address in zip((HTTP_PORT, TLS_PORT), listeners.of(host), strict=False)
        }


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


@asynccontextmanager
async def embedded_lab(
    hello: HelloSettings | None = None, sites: SitesSettings | None = None
) -> AsyncIterator[ClientSettings]:
    """Serve the lab, and yield the settings with which a client reaches it. Raises RecordingUnfit."""
    from services.hello.app import make_app
    from services.runtime.serving.serve import serve_app

    app = make_app(hello or HelloSettings())
    # When the client has ended, no request is left to answer.
    async with embedded_sites(sites) as running, serve_app(app, LOOPBACK, drain_s=0) as hello_at:
        ca = running.site.settings.ca
        yield dataclasses.replace(
            settings_at(running), hello_url=hello_at.url, ca_file=ca / CA_FILE if ca is not None else None
        )


@asynccontextmanager
async def lab_for_fetches(sites: SitesSettings | None) -> AsyncIterator[ClientSettings]:
    """Serve what fetches can reach, and yield the settings for them: their first line comes in half the time.

    The packages of hello, the admin side and the CA are imported only where a request needs them. Raises
    RecordingUnfit.
    """
    async with embedded_sites(sites, waits=True) as running:
        yield settings_at(running)


def settings_at(running: RunningSite) -> ClientSettings:
    """Return the settings with which a client reaches running sites."""
    topology = Topology(SiteRoutes(running), closed=True)
    return ClientSettings(topology=topology, files_per_connection=FILES_PER_CONNECTION, called=EMBEDDED)


@asynccontextmanager
async def embedded_sites(settings: SitesSettings | None = None, *, waits: bool = False) -> AsyncIterator[RunningSite]:
    """Run the sites on loopback, each host at its own ports, with a CA that exists as long as they run.

    `waits`: make the CA for the first handshake, and the admin side for the first request to it.
    """
    async with async_temporary_directory("lab-ca-") as ca:
        usual = settings or SitesSettings()
        settings = dataclasses.replace(
            usual,
            where=LOOPBACK,
            tls=LOOPBACK,
            admin=LOOPBACK,
            own_ports=True,
            ca=ca,
            max_connections=min(usual.max_connections, raise_open_files() // FILES_PER_CONNECTION),
        )
        async with serve_site(settings, logs_beginning=False, admin_waits=waits) as running:
            if running.site.trouble:
                raise RecordingUnfit(running.site.trouble)
            if not waits:
                await asyncio.to_thread(running.authority.certificate)
            yield running


async def run_embedded(
    invocation: Invocation,
    hello: HelloSettings,
    sites: SitesSettings,
    stop: Stop,
    *,
    named: BrokerSettings | None = None,
) -> int:
    """Run a client's command line against a lab with these settings, and return its exit code.

    `named`: a broker that has its own workers; without one, a command line that needs a broker gets both.
    """
    raise_open_files()
    is_wanted = named is None and broker.is_wanted(invocation)
    if is_wanted:
        broker.check(invocation)
    only_fetches = invocation.handler == FETCHES and invocation.values.get("ca") != LAB
    async with lab_for_fetches(sites) if only_fetches else embedded_lab(hello, sites) as settings:
        if is_wanted:
            async with broker.broker_and_workers(settings) as with_broker:
                code = await invocation.main(with_broker, stop)
        else:
            without = str(broker.BrokerMissing()) if broker.is_missed(invocation) else ""
            code = await invocation.main(dataclasses.replace(settings, broker=named, no_broker=without), stop)
    if code == 0 and changes_faults(invocation):
        say(f"This lab has ended, and its faults with it. One that stands: {PROGRAM} serve, then --lab URL")
    return code


def changes_faults(invocation: Invocation) -> bool:
    """Return whether a command line changes what a site does wrong, which is of no use to any other command."""
    return invocation.handler.endswith(".admin.faults") and invocation.values["action"] in {"set", "clear", "reset"}
