"""The server as it runs: its parts put together, the looks at the lab, and its end.

`watch_served` is an async context manager, which the container and `lab watch` share.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from services.runtime.http import Address
from services.runtime.serving.loop_lag import LoopLag
from services.runtime.serving.serve import LAG, serve_app
from services.runtime.tasks import background_task, task_group
from services.watch.app import Parts, make_app
from services.watch.events.history import History
from services.watch.lab.client import LabClient, new_session
from services.watch.lab.services import Services
from services.watch.lab.view import LabView
from services.watch.page_files import read_page
from services.watch.runs.programs import programs
from services.watch.runs.runs import Runs
from services.watch.settings import WatchSettings

TOKEN_BYTES = 24


@asynccontextmanager
async def watch_served(settings: WatchSettings) -> AsyncIterator[Address]:
    """Serve the page while inside, and yield its address; runs end with it. Raises PortUnavailable."""
    history, lag = History(), LoopLag()
    page = await asyncio.to_thread(read_page)
    async with new_session() as session, task_group() as tasks:
        client = LabClient(settings.lab, session)
        lab = LabView(client, history)
        services = Services(client, lab, history, lag, settings.broker)
        runs = Runs(settings, programs(has_broker=bool(settings.broker)), history, tasks)
        parts = Parts(secrets.token_urlsafe(TOKEN_BYTES), page, history, runs, lab, services)
        app = make_app(settings, parts)
        app[LAG] = lag
        try:
            async with (
                serve_app(app, settings.where, drain_s=settings.drain_s) as address,
                background_task(while_watched(history, lab.look, settings.look_s)),
                background_task(while_watched(history, services.look, settings.look_s)),
            ):
                try:
                    yield address
                finally:
                    history.close()
        finally:
            runs.close()


async def while_watched(history: History, look: Callable[[], Awaitable[None]], look_s: float) -> None:
    """Call `look` again and again, as long as a page looks on."""
    while True:
        await history.watched()
        await look()
        await asyncio.sleep(look_s)
