"""The gateway's port: which peers it accepts, how many at once, and how their connections end.

A peer that is one too many, or whose target cannot be reached, is reset at once: it is told, and nothing is kept.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.gateway.dialer import Dialer, Unreachable
from services.gateway.relay import Relay
from services.gateway.settings import GatewaySettings
from services.runtime.serving.deadlines import DRAIN_POLL_S, SWEEP_S
from services.runtime.serving.listen import Address, bound_address, listening, stop_accepting
from services.runtime.tasks import alongside

BACKLOG = 1024  # the loop accepts as many in one go, before it looks at anything else
# Where the target spoke last and nothing has moved for so long, no answer is on its way: a connection that is kept.
QUIET_S = 0.5

log = logging.getLogger(__name__)


class Acceptor:
    """Every relay that there is. `trouble`: why the target could not be reached last time; nothing where it could."""

    def __init__(self, settings: GatewaySettings, tasks: asyncio.TaskGroup) -> None:
        self.settings = settings
        self.dialer = Dialer([settings.target], timeout_s=settings.connect_timeout_s)
        self.relays: set[Relay] = set()
        self.turned_away = 0
        self.is_draining = False
        self.trouble = ""
        self._tasks = tasks

    def protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol of a connection that a peer makes: one that is closed with the port is never made."""
        return Relay(self.accept, self.relays.discard).near

    def accept(self, relay: Relay) -> None:
        """Let a peer in, or reset it."""
        if self.is_draining:
            relay.give_up()
        elif len(self.relays) >= self.settings.max_connections:
            if not self.turned_away:
                log.warning("%s connections are open: the next are reset", len(self.relays))
            self.turned_away += 1
            relay.give_up()
        else:
            self.relays.add(relay)
            self._tasks.create_task(self.connect(relay))

    async def connect(self, relay: Relay) -> None:
        """Connect a peer to the target, or reset it."""
        try:
            await self.dialer.dial(self.settings.target, lambda: relay.far)
        except Unreachable as error:
            self.take_note(str(error))
            relay.give_up()
        else:
            self.take_note("")

    def take_note(self, trouble: str) -> None:
        """Say in the log what keeps the target from being reached, and that it can be again: each once."""
        if trouble and trouble != self.trouble:
            log.warning("no way to %s", trouble)
        elif self.trouble and not trouble:
            log.info("%s can be reached again", self.settings.target)
        self.trouble = trouble

    def sweep(self, now: float) -> None:
        """Reset every connection on which no byte has moved for too long."""
        for relay in [each for each in self.relays if now - each.since > self.settings.idle_timeout_s]:
            relay.reset()

    async def drain(self) -> None:
        """Let answers that are on their way end, for `drain_s` seconds at most, and cut off the rest."""
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
    """Let peers in while inside, and yield the address; on the way out, drain.

    Raises PortUnavailable where the port cannot be had.
    """
    bound = listening(settings.where)
    try:
        async with asyncio.TaskGroup() as tasks:
            acceptor = Acceptor(settings, tasks)
            loop = asyncio.get_running_loop()
            server = await loop.create_server(acceptor.protocol, sock=bound, backlog=BACKLOG)
            try:
                async with alongside(sweep_for_ever(acceptor)):
                    yield acceptor, bound_address(bound)
            finally:
                await stop_accepting(server)
                await acceptor.drain()
    finally:
        bound.close()


async def sweep_for_ever(acceptor: Acceptor) -> None:
    """Enforce the deadline of idle connections, every SWEEP_S seconds."""
    while True:
        await asyncio.sleep(SWEEP_S)
        acceptor.sweep(asyncio.get_running_loop().time())
