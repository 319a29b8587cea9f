"""The admin side of a site, served while inside: from the beginning, or from its first connection on.

A lab that lasts for one command is seldom asked here, and the packages of the admin side take half of its start. Its
port is open all the same: the first client waits until they are imported.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module

from services.runtime.http import Address
from services.runtime.serving.listen import BACKLOG, bind_socket, bound_address
from services.runtime.tasks import background_task
from services.sites.site import Site

Reconcile = Callable[[], Awaitable[None]]


def admin_served(site: Site, reconcile: Reconcile, *, waits: bool) -> AbstractAsyncContextManager[Address]:
    """Serve the admin side, and yield its address. `waits`: for its first connection. Raises PortUnavailable."""
    return served_when_asked(site, reconcile) if waits else serving(site, reconcile)


def serving(
    site: Site, reconcile: Reconcile, *, bound: socket.socket | None = None
) -> AbstractAsyncContextManager[Address]:
    """Serve it from the beginning; `bound`: on this socket, and not on one at the address of the settings."""
    from services.runtime.serving.serve import serve_app
    from services.sites.admin.app import make_admin

    return serve_app(make_admin(site, reconcile), site.settings.admin, bound=bound)


@asynccontextmanager
async def served_when_asked(site: Site, reconcile: Reconcile) -> AsyncIterator[Address]:
    """Open the port, and serve it once a connection has come."""
    bound = bind_socket(site.settings.admin)
    try:
        bound.listen(BACKLOG)
        async with background_task(serve_from_first(site, reconcile, bound)):
            yield bound_address(bound)
    finally:
        bound.close()


async def serve_from_first(site: Site, reconcile: Reconcile, bound: socket.socket) -> None:
    """Serve the admin side from the first connection to a listening socket on, until this is cancelled."""
    await readable(bound)
    await asyncio.to_thread(import_module, "services.sites.admin.app")  # it takes long, and must not hold the loop
    async with serving(site, reconcile, bound=bound):
        await asyncio.Event().wait()


async def readable(listening: socket.socket) -> None:
    """Wait until a connection can be accepted; it is not accepted here."""
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(listening.fileno(), came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(listening.fileno())
