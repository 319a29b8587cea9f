"""The listening sockets of a site, opened and shut as its plans say; and the sweep over the connections they accept.

A site in a container has one listener for HTTP and one for TLS. In the embedded lab each host has its own two, since
names cannot share an address there. While a listener is shut, its port is held by a socket that is bound and does not
listen: a connection is refused, and the system gives the port to no other program.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from services.runtime.errors import PortUnavailable
from services.runtime.http import HTTP_PORT, TLS_PORT, Address
from services.runtime.serving.deadlines import DRAIN_POLL_S, SWEEP_S
from services.runtime.serving.listen import BACKLOG, bind_socket, bound_address, stop_accepting, unavailable
from services.runtime.sockets.adopted import adopt
from services.runtime.sockets.handed import HandedConnection
from services.runtime.sockets.tcp import reset_on_close
from services.runtime.tasks import background_task
from services.sites.connection.connection import Connection
from services.sites.connection.exchanges import exchanges_of
from services.sites.journal import STOPPED
from services.sites.listening.handover import HandoverSocket
from services.sites.listening.relayed import Gateway, RelayedProtocol
from services.sites.site import Site
from services.sites.states_and_deadlines import longest_s

MakeProtocol = Callable[[Site, str | None], asyncio.Protocol]
MakeConnection = Callable[[], asyncio.Protocol]

log = logging.getLogger(__name__)


class Listener:
    """One address, listened on or refused.

    `make` makes the protocol of a connection, `relayed` that of one which the gateway may have made for a client.
    """

    def __init__(self, where: Address, make: MakeConnection, relayed: MakeConnection) -> None:
        self._holder = bind_socket(where)
        self._relayed = relayed
        self.make = make
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
                self._server = await loop.create_server(self._relayed, sock=bound, backlog=BACKLOG)
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
        """Give back the port of a listener that is shut."""
        self._holder.close()


class Listeners:
    """Every listener of a site. `over_tls` makes the protocol of a connection over TLS."""

    def __init__(self, site: Site, over_tls: MakeProtocol) -> None:
        self.site = site
        self._over_tls = over_tls
        self.gateway = Gateway(site.settings.gateway) if site.settings.gateway else None
        self._listeners: dict[str | None, list[Listener]] = {}
        path = site.settings.handover
        self._handover = HandoverSocket(path, self._take_handed) if path else None
        self._lock = asyncio.Lock()

    def of(self, host: str) -> list[Address]:
        """Return where a host answers: HTTP first, then TLS, if it is spoken."""
        return [listener.address for listener in self._listeners.get(self._key(host), [])]

    def _key(self, host: str) -> str | None:
        return host if self.site.settings.own_ports else None

    def take(self, host: str, port: int, connected: socket.socket, *, ahead: bytes, came: bytes) -> bool:
        """Serve a client's connection as if it were made to a host's port; return False where that port is refused.

        `port`: as clients know it, 80 or 443; `ahead`: what the client gets first; `came`: what it has sent so far.
        """
        for known, listener in zip((HTTP_PORT, TLS_PORT), self._listeners.get(self._key(host), []), strict=False):
            if known == port and listener.is_open:
                if self.site.is_over(more=1):
                    self._turn_away(host, port, connected)
                else:
                    self._adopt(listener, connected, ahead=ahead, came=came)
                return True
        return False

    def _adopt(self, listener: Listener, connected: socket.socket, *, ahead: bytes, came: bytes) -> None:
        """Serve a connection; it counts from now on, and not only when it has its protocol."""
        arriving = self.site.arriving
        arriving.add(connected)
        adopt(connected, listener.make, came=came, ahead=ahead, arrived=lambda: arriving.discard(connected))

    def _turn_away(self, host: str, port: int, connected: socket.socket) -> None:
        """Reset a connection over the limit, with the journal's entry and the counts of one that was accepted here."""
        exchanges = exchanges_of(self.site, connected, over_tls=port == TLS_PORT)
        exchanges.without_request(b"", host=self._own(self._key(host)) or "")
        exchanges.complete(STOPPED)
        self.site.turned_away += 1
        reset_on_close(connected)
        connected.close()

    def _take_handed(self, handed: HandedConnection) -> bool:
        """Serve a connection of another process's, whose client has asked for the port of this site's only name."""
        return self.take("", handed.port, handed.connected, ahead=handed.ahead, came=handed.came)

    def _takes_handed(self) -> bool:
        """Return whether every listener is open, as all of a site's are or none."""
        return bool(self._listeners) and all(each.is_open for group in self._listeners.values() for each in group)

    async def reconcile(self) -> None:
        """Open and shut listeners until they are as the hosts and their plans are now.

        Raises PortUnavailable for the first that cannot be opened, once all others are; the reason is then in
        `site.listeners_trouble`, too.
        """
        failed: PortUnavailable | None = None
        async with self._lock:
            wanted = self._wanted()
            for owner in self._listeners.keys() - wanted.keys():
                for listener in self._listeners.pop(owner):
                    await listener.remove()
            for owner, is_open in wanted.items():
                try:
                    for listener in self._listeners.get(owner) or self._make(owner):
                        await (listener.open() if is_open else listener.shut())
                except PortUnavailable as error:
                    failed = failed or error
            self.site.listeners_trouble = str(failed or "")
            if self._handover:
                await (self._handover.open() if self._takes_handed() else self._handover.shut())
        if failed:
            raise failed

    async def try_to_reconcile(self) -> None:
        """Reconcile, or say in the log what cannot be opened: once, however often it is tried."""
        before = self.site.listeners_trouble
        try:
            await self.reconcile()
        except PortUnavailable as error:
            if self.site.listeners_trouble != before:
                log.error("not ready: %s", error)  # noqa: TRY400 - the reason is the port's, not the code's

    def unreconciled(self) -> bool:
        """Return whether `reconcile` has something to do: a plan's time has run out, or a port could not be opened."""
        wanted = self._wanted()
        return self._listeners.keys() != wanted.keys() or any(
            listener.is_open is not is_open for owner, is_open in wanted.items() for listener in self._listeners[owner]
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
        own = self._own(owner)
        listeners = [self._listener(settings.where, lambda: Connection(self.site, own))]
        if settings.tls:
            try:
                listeners.append(self._listener(settings.tls, lambda: self._over_tls(self.site, own)))
            except PortUnavailable:
                listeners[0].release()
                raise
        self._listeners[owner] = listeners
        return listeners

    def _own(self, owner: str | None) -> str | None:
        """Return the only host of a listener, None where it has several."""
        hosts = self.site.settings.hosts
        return owner or (hosts[0] if len(hosts) == 1 else None)

    def _listener(self, where: Address, make: MakeConnection) -> Listener:
        """Return a listener whose connections may come from the gateway, if there is one. Raises PortUnavailable."""
        gateway = self.gateway
        return Listener(where, make, (lambda: RelayedProtocol(self.site, gateway, make)) if gateway else make)


@asynccontextmanager
async def open_listeners(listeners: Listeners) -> AsyncIterator[None]:
    """Answer while inside; on the way out, let answers end for `drain_s` seconds at most, and drop the rest.

    Raises PortUnavailable where a listener cannot be opened to begin with.
    """
    async with background_task(sweep_for_ever(listeners)):
        try:
            await listeners.reconcile()
            yield
        finally:
            listeners.site.draining = True  # from now on no listener is wanted, whatever else reconciles them
            await listeners.reconcile()
            await drain(listeners.site)


async def sweep_for_ever(listeners: Listeners) -> None:
    """Enforce deadlines, of connections and of plans, every SWEEP_S seconds."""
    while True:
        await asyncio.sleep(SWEEP_S)
        now = monotonic()
        listeners.site.end_old_plans(now)
        sweep(listeners.site, now)
        if listeners.unreconciled():
            await listeners.try_to_reconcile()


def sweep(site: Site, now: float) -> None:
    """End every connection whose state has lasted too long.

    Where connections, or TLS sessions, are about to run out, those that have nothing on its way have less time: a new
    connection is to find room (RFC 9112, section 9.5: an idle connection may be closed at any time).
    """
    longest = longest_s(site.settings, short_of_room=site.is_short())
    for connection in [each for each in site.connections if now - each.since > longest[each.state]]:
        connection.expire()


async def drain(site: Site) -> None:
    """Wait until every answer has been taken, then drop the connections that are left."""
    last = monotonic() + site.settings.drain_s
    for connection in list(site.connections):
        connection.drain()
    while site.connections and monotonic() < last:  # noqa: ASYNC110 - that the last has gone is not worth an event of each
        await asyncio.sleep(DRAIN_POLL_S)
    for connection in list(site.connections):
        connection.leave("stopped")
    await asyncio.sleep(0)
