"""The sites of the embedded lab: each host at its own ports on loopback, and where each is at this moment."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

from services.runtime.errors import ProgramError
from services.runtime.files.temporary import async_temporary_directory
from services.runtime.http import ADMIN_PORT, HTTP_PORT, TLS_PORT, Address
from services.runtime.process import raise_open_files
from services.sites.listening.listeners import Listeners
from services.sites.server import RunningSite, serve_site
from services.sites.settings import SitesSettings

LOOPBACK = Address("127.0.0.1", 0)
FILES_PER_CONNECTION = 2  # this process has both ends


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
