"""Doors: the listening sockets of a site, opened and shut as its plans say.

A site in a container has one door for HTTP and one for TLS. In the embedded lab each host has its own two, since names
cannot share an address there. While a door is shut, its port is held by a socket that is bound and does not listen:
whoever knocks is refused, and the system gives the port to nobody else.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from services.runtime.serve import BACKLOG, Address, bound_address, listening
from services.sites.connection import Connection
from services.sites.site import Site, State

SWEEP_S = 0.25
DRAIN_POLL_S = 0.02

Protocol = Callable[[], Connection]


class Door:
    """One address, listened on or refused."""

    def __init__(self, where: Address, protocol: Protocol) -> None:
        self._holder = listening(where)
        self._protocol = protocol
        self._server: asyncio.Server | None = None
        self.address = bound_address(self._holder)

    @property
    def is_open(self) -> bool:
        """Whether connections are accepted."""
        return self._server is not None

    async def open(self) -> None:
        """Accept connections from now on."""
        if self._server is None:
            bound = listening(self.address)
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._protocol, sock=bound, backlog=BACKLOG)

    async def shut(self) -> None:
        """Refuse connections from now on. Those that are open stay so."""
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)  # uvloop closes the socket in its next round

    async def remove(self) -> None:
        """Give the port back."""
        await self.shut()
        self._holder.close()


class Doors:
    """Every door of a site: `of(host)` gives the addresses of one."""

    def __init__(self, site: Site, secure: Callable[[Site, str | None], Connection]) -> None:
        self.site = site
        self._secure = secure
        self._doors: dict[str | None, list[Door]] = {}
        self._lock = asyncio.Lock()

    def of(self, host: str) -> list[Address]:
        """Return where a host answers: HTTP first, then TLS, if it is spoken."""
        key = host if self.site.settings.own_ports else None
        return [door.address for door in self._doors.get(key, [])]

    async def settle(self) -> None:
        """Open and shut doors until they are as the hosts and their plans are now."""
        async with self._lock:
            wanted = self._wanted()
            for owner in self._doors.keys() - wanted.keys():
                for door in self._doors.pop(owner):
                    await door.remove()
            for owner, is_open in wanted.items():
                for door in self._doors.get(owner) or self._make(owner):
                    await (door.open() if is_open else door.shut())

    def unsettled(self) -> bool:
        """Return whether a plan's time has run out, so that `settle` has something to do."""
        return any(
            door.is_open is not is_open
            for owner, is_open in self._wanted().items()
            for door in self._doors.get(owner, [])
        )

    def _wanted(self) -> dict[str | None, bool]:
        site = self.site
        if site.draining:
            return {}
        if site.settings.own_ports:
            return {name: not site.refuses(name) for name in site.hosts}
        if not site.hosts:
            return {}
        return {None: not any(site.refuses(name) for name in site.hosts)}

    def _make(self, owner: str | None) -> list[Door]:
        settings = self.site.settings
        only = settings.hosts[0] if len(settings.hosts) == 1 else None
        own = owner or only
        doors = self._doors[owner] = [Door(settings.where, lambda: Connection(self.site, own))]
        if settings.tls:
            doors.append(Door(settings.tls, lambda: self._secure(self.site, own)))
        return doors


@asynccontextmanager
async def open_doors(doors: Doors) -> AsyncIterator[None]:
    """Answer while inside; on the way out, let answers end for `drain_s` seconds at most, and cut off who is left."""
    await doors.settle()
    sweeping = asyncio.ensure_future(sweep_for_ever(doors))
    try:
        yield
    finally:
        doors.site.draining = True  # from now on no door is wanted, whoever else settles them
        await doors.settle()
        await drain(doors.site)
        sweeping.cancel()


async def sweep_for_ever(doors: Doors) -> None:
    """Enforce deadlines, of connections and of plans, every SWEEP_S seconds."""
    while True:
        await asyncio.sleep(SWEEP_S)
        sweep(doors.site, monotonic())
        if doors.unsettled():
            await doors.settle()


def sweep(site: Site, now: float) -> None:
    """End every connection whose state has lasted too long."""
    settings = site.settings
    longest = {
        State.HANDSHAKE: settings.head_timeout_s,
        State.IDLE: settings.idle_timeout_s,
        State.READING: settings.head_timeout_s,
        State.BLOCKED: settings.write_timeout_s,
        State.SILENT: settings.stall_timeout_s,
        State.RESETTING: settings.write_timeout_s * 2,
        State.LINGER: settings.linger_s,
        State.PLAYING: float("inf"),
    }
    for connection in [each for each in site.connections if now - each.since > longest[each.state]]:
        connection.expire()


async def drain(site: Site) -> None:
    """Wait until every answer has been taken, then cut off who is left."""
    last = monotonic() + site.settings.drain_s
    for connection in list(site.connections):
        connection.drain()
    while site.connections and monotonic() < last:  # noqa: ASYNC110 - the last one gone is not worth an event each
        await asyncio.sleep(DRAIN_POLL_S)
    for connection in list(site.connections):
        connection.leave("stopped")
    await asyncio.sleep(0)
