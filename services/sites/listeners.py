"""Doors: the listening sockets of a site, opened and shut as its plans say.

A site in a container has one door for HTTP and one for TLS. In the embedded lab each host has its own two, since names
cannot share an address there. While a door is shut, its port is held by a socket that is bound and does not listen:
whoever knocks is refused, and the system gives the port to nobody else.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from services.runtime.errors import PortUnavailable
from services.runtime.http import Address
from services.runtime.serving.listen import BACKLOG, bind_socket, bound_address, stop_accepting, unavailable
from services.runtime.tasks import background_task
from services.sites.connection.connection import Connection
from services.sites.site import Site, State

SWEEP_S = 0.25
DRAIN_POLL_S = 0.02
SHORT_PATIENCE_S = 1.0  # for a peer that says nothing, while there is hardly room for others

Protocol = Callable[[], Connection]

log = logging.getLogger(__name__)


class Listener:
    """One address, listened on or refused."""

    def __init__(self, where: Address, protocol: Protocol) -> None:
        self._holder = bind_socket(where)
        self._protocol = protocol
        self._server: asyncio.Server | None = None
        self.address = bound_address(self._holder)

    @property
    def is_open(self) -> bool:
        """Whether connections are accepted."""
        return self._server is not None

    async def open(self) -> None:
        """Accept connections from now on. Raises PortUnavailable."""
        if self._server is None:
            bound = bind_socket(self.address)
            loop = asyncio.get_running_loop()
            try:
                self._server = await loop.create_server(self._protocol, sock=bound, backlog=BACKLOG)
            except OSError as error:
                bound.close()
                raise unavailable(self.address, error) from error

    async def shut(self) -> None:
        """Refuse connections from now on. Those that are open stay so."""
        if self._server is not None:
            closing, self._server = self._server, None
            await stop_accepting(closing)

    async def remove(self) -> None:
        """Give the port back."""
        await self.shut()
        self.release()

    def release(self) -> None:
        """Give back the port of a door that is shut."""
        self._holder.close()


class Listeners:
    """Every door of a site: `of(host)` gives the addresses of one."""

    def __init__(self, site: Site, secure: Callable[[Site, str | None], Connection]) -> None:
        self.site = site
        self._secure = secure
        self._doors: dict[str | None, list[Listener]] = {}
        self._lock = asyncio.Lock()

    def of(self, host: str) -> list[Address]:
        """Return where a host answers: HTTP first, then TLS, if it is spoken."""
        key = host if self.site.settings.own_ports else None
        return [door.address for door in self._doors.get(key, [])]

    async def settle(self) -> None:
        """Open and shut doors until they are as the hosts and their plans are now.

        Raises PortUnavailable for the first that cannot be opened, once all others are; `site.shut` says so, too.
        """
        failed: PortUnavailable | None = None
        async with self._lock:
            wanted = self._wanted()
            for owner in self._doors.keys() - wanted.keys():
                for door in self._doors.pop(owner):
                    await door.remove()
            for owner, is_open in wanted.items():
                try:
                    for door in self._doors.get(owner) or self._make(owner):
                        await (door.open() if is_open else door.shut())
                except PortUnavailable as error:
                    failed = failed or error
            self.site.shut = str(failed or "")
        if failed:
            raise failed

    async def try_to_reconcile(self) -> None:
        """Settle, or say in the log what cannot be opened: once, however often it is tried."""
        before = self.site.shut
        try:
            await self.settle()
        except PortUnavailable as error:
            if self.site.shut != before:
                log.error("not ready: %s", error)  # noqa: TRY400 - the reason is the port's, not the code's

    def unreconciled(self) -> bool:
        """Return whether `settle` has something to do: a plan's time has run out, or a port could not be opened."""
        wanted = self._wanted()
        return self._doors.keys() != wanted.keys() or any(
            door.is_open is not is_open for owner, is_open in wanted.items() for door in self._doors[owner]
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

    def _make(self, owner: str | None) -> list[Listener]:
        settings = self.site.settings
        only = settings.hosts[0] if len(settings.hosts) == 1 else None
        own = owner or only
        doors = [Listener(settings.where, lambda: Connection(self.site, own))]
        if settings.tls:
            try:
                doors.append(Listener(settings.tls, lambda: self._secure(self.site, own)))
            except PortUnavailable:
                doors[0].release()
                raise
        self._doors[owner] = doors
        return doors


@asynccontextmanager
async def open_listeners(doors: Listeners) -> AsyncIterator[None]:
    """Answer while inside; on the way out, let answers end for `drain_s` seconds at most, and cut off who is left.

    Raises PortUnavailable where a door cannot be opened to begin with.
    """
    async with background_task(sweep_for_ever(doors)):
        try:
            await doors.settle()
            yield
        finally:
            doors.site.draining = True  # from now on no door is wanted, whoever else settles them
            await doors.settle()
            await drain(doors.site)


async def sweep_for_ever(doors: Listeners) -> None:
    """Enforce deadlines, of connections and of plans, every SWEEP_S seconds."""
    while True:
        await asyncio.sleep(SWEEP_S)
        now = monotonic()
        doors.site.end_old_plans(now)
        sweep(doors.site, now)
        if doors.unreconciled():
            await doors.try_to_reconcile()


def sweep(site: Site, now: float) -> None:
    """End every connection whose state has lasted too long.

    Where connections, or TLS sessions, are about to run out, those that have nothing on its way have less time: a new
    one is to find room (RFC 9112, section 9.5: an idle connection may be closed at any time).
    """
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
    if site.is_short():
        for state in (State.HANDSHAKE, State.IDLE, State.READING, State.LINGER):
            longest[state] = min(longest[state], SHORT_PATIENCE_S)
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
