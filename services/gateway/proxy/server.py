"""The forward proxy as it runs: its port, its deadlines, and its end.

`proxy_served` is an async context manager, which the container and the embedded lab share.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from services.gateway.proxy.directory import Directory
from services.gateway.proxy.handover.arrivals import Arrivals
from services.gateway.proxy.handover.inbound_only import make_inbound_only
from services.gateway.proxy.relay.upstream import Dialer
from services.gateway.proxy.settings import ProxySettings
from services.gateway.proxy.shared import Shared
from services.runtime.serving.deadlines import DRAIN_POLL_S, SWEEP_S
from services.runtime.serving.listen import bind_socket, bound_address
from services.runtime.tasks import background_task

QUIET_S = 0.5  # a tunnel on which the host sent last, and no byte has come for so long, has no answer in flight


@asynccontextmanager
async def proxy_served(
    settings: ProxySettings,
    directory: Directory,
    *,
    ca: Path | None = None,
    not_ready: Callable[[], str] = str,
) -> AsyncIterator[Shared]:
    """Serve clients while inside, and yield what their connections share; drain on the way out.

    `ca`: the file of the CA certificate that /ca.pem gives; `not_ready`: returns why the lab is not ready, nothing
    where it is. Raises PortUnavailable.
    """
    bound = bind_socket(settings.where)
    try:
        if settings.inbound_only:
            make_inbound_only(bound)
        async with asyncio.TaskGroup() as tasks:
            address = bound_address(bound)
            shared = Shared(settings, directory, tasks, address=address, ca=ca, not_ready=not_ready)
            dialer = Dialer(directory, timeout_s=settings.connect_timeout_s)
            arrivals = Arrivals(bound, shared, dialer)
            arrivals.begin()
            try:
                async with background_task(sweep_for_ever(shared)):
                    yield shared
            finally:
                await arrivals.end()
                await drain(shared)
    finally:
        bound.close()


async def sweep_for_ever(shared: Shared) -> None:
    """End connections whose phase has lasted too long, every SWEEP_S."""
    while True:
        began = shared.loop.time()
        await asyncio.sleep(SWEEP_S)
        now = shared.loop.time()
        shared.lag.note(now - began - SWEEP_S)
        for client in [each for each in shared.clients if each.is_late(now)]:
            client.expire()


async def drain(shared: Shared) -> None:
    """Wait for answers in flight, for `drain_s` seconds at most, and reset the rest."""
    shared.is_draining = True
    loop = shared.loop
    last = loop.time() + shared.settings.drain_s
    while shared.clients and loop.time() < last:
        quiet_since = loop.time() - QUIET_S
        for client in [each for each in shared.clients if each.is_quiet(since=quiet_since)]:
            client.close()
        await asyncio.sleep(DRAIN_POLL_S)
    for client in list(shared.clients):
        client.reset()
