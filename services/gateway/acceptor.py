"""The gateway's port: how many clients it accepts, and how their connections end.

A client over the limit is reset at once, as is a client for which the target cannot be reached.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.gateway.dialer import Dialer, Unreachable
from services.gateway.relay import Relay
from services.gateway.settings import GatewaySettings
from services.runtime.http import Address
from services.runtime.serving.deadlines import DRAIN_POLL_S, SWEEP_S
from services.runtime.serving.listen import bind_socket, bound_address, stop_accepting
from services.runtime.tasks import background_task

BACKLOG = 1024  # the loop accepts so many connections in one round, before it does anything else
QUIET_S = 0.5  # if the target sent last and no byte has come for so long, no answer is in flight

log = logging.getLogger(__name__)


class Acceptor:
    """All relays. `target_error`: why the target could not be reached last time; empty where it could."""

    def __init__(self, settings: GatewaySettings, tasks: asyncio.TaskGroup) -> None:
        self.settings = settings
        self.dialer = Dialer([settings.target], timeout_s=settings.connect_timeout_s)
        self.relays: set[Relay] = set()
        self.refused = 0
        self.is_draining = False
        self.target_error = ""
        self._tasks = tasks

    def protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol of a client's connection."""
        return Relay(self.accept, self.relays.discard).to_client

    def accept(self, relay: Relay) -> None:
        """Relay a client's connection, or reset it."""
        if self.is_draining:
            relay.refuse()
        elif len(self.relays) >= self.settings.max_connections:
            if not self.refused:
                log.warning("%s connections are open: the next are reset", len(self.relays))
            self.refused += 1
            relay.refuse()
        else:
            self.relays.add(relay)
            self._tasks.create_task(self.connect(relay))

    async def connect(self, relay: Relay) -> None:
        """Connect to the target, or reset the client."""
        try:
            await self.dialer.dial(self.settings.target, lambda: relay.to_target)
        except Unreachable as error:
            self.note_target(str(error))
            relay.refuse()
        else:
            self.note_target("")

    def note_target(self, target_error: str) -> None:
        """Log once why the target cannot be reached, and once that it can be reached again."""
        if target_error and target_error != self.target_error:
            log.warning("no way to %s", target_error)
        elif self.target_error and not target_error:
            log.info("%s can be reached again", self.settings.target)
        self.target_error = target_error

    def sweep(self, now: float) -> None:
        """Reset every relay in which no byte has come for too long."""
        for relay in [each for each in self.relays if now - each.since > self.settings.idle_timeout_s]:
            relay.reset()

    async def drain(self) -> None:
        """Wait for answers in flight, for `drain_s` seconds at most, and reset the rest."""
        self.is_draining = True
        loop = asyncio.get_running_loop()
        last = loop.time() + self.settings.drain_s
        while self.relays and loop.time() < last:
            quiet_since = loop.time() - QUIET_S
            for relay in [each for each in self.relays if each.is_quiet(since=quiet_since)]:
                relay.close()
            await asyncio.sleep(DRAIN_POLL_S)
        for relay in list(self.relays):
            relay.reset()


@asynccontextmanager
async def accepting(settings: GatewaySettings) -> AsyncIterator[tuple[Acceptor, Address]]:
    """Accept connections while inside, and yield the address; drain on the way out. Raises PortUnavailable."""
    bound = bind_socket(settings.where)
    try:
        async with asyncio.TaskGroup() as tasks:
            acceptor = Acceptor(settings, tasks)
            loop = asyncio.get_running_loop()
            server = await loop.create_server(acceptor.protocol, sock=bound, backlog=BACKLOG)
            try:
                async with background_task(sweep_for_ever(acceptor)):
                    yield acceptor, bound_address(bound)
            finally:
                await stop_accepting(server)
                await acceptor.drain()
    finally:
        bound.close()


async def sweep_for_ever(acceptor: Acceptor) -> None:
    """Call `sweep` every SWEEP_S."""
    while True:
        await asyncio.sleep(SWEEP_S)
        acceptor.sweep(asyncio.get_running_loop().time())
