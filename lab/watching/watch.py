"""The embedded lab with its page: sites, hello, gateway, a broker and workers where they are here, and the server.

Programs that a page starts join the lab through its gateway, as `client --lab URL` does.
"""

import asyncio
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from lab import PROGRAM
from lab.serving.serve import standing_lab
from lab.watching.browser import has_browser, open_browser
from lab.watching.workers import broker_with_workers
from services.hello.settings import HelloSettings
from services.runtime.cli import INTERRUPTED
from services.runtime.http import Address
from services.runtime.run import Stop, until_stopped
from services.runtime.serving.listen import bind_socket
from services.runtime.tasks import run_in_daemon_thread
from services.runtime.terminal import show, standard_output
from services.sites.settings import SitesSettings
from services.watch.server import watch_served
from services.watch.settings import WatchSettings

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What the command line says. `port`: the page's, 0 for any; `opens`: whether a browser may be opened."""

    port: int
    opens: bool


async def run_watch(options: WatchOptions, hello: HelloSettings, sites: SitesSettings, stop: Stop) -> int:
    """Serve until a stop is requested, and return the exit code: 130 after ^C, else 0.

    Raises RecordingUnfit, PortUnavailable, BrokerFailed, or OutputFailed.
    """
    standard_output()  # one that is closed is refused before anything starts
    await until_stopped(serve(options, hello, sites), stop)
    return INTERRUPTED if stop.signal == signal.SIGINT else 0


async def serve(options: WatchOptions, hello: HelloSettings, sites: SitesSettings) -> int:
    """Start everything, say where the page is, and serve for ever."""
    where = Address(HOST, options.port)
    bind_socket(where).close()  # a port that is taken is told before anything starts
    async with AsyncExitStack() as resources:
        lab = await resources.enter_async_context(standing_lab(hello, sites))
        variables = await resources.enter_async_context(broker_with_workers())
        settings = WatchSettings(
            where=where,
            lab=lab.gateway.url,
            broker=variables.get("BROKER_URL", ""),
            is_one_process=True,
            called=f"{PROGRAM} embedded",
            client_environment={"ASYNCLAB_URL": lab.gateway.url, **variables},
        )
        address = await resources.enter_async_context(watch_served(settings))
        await run_in_daemon_thread(partial(show, f"The lab is at {address.url}/"))
        if options.opens and has_browser():
            await run_in_daemon_thread(partial(open_browser, f"{address.url}/"))
        await asyncio.Event().wait()
    raise AssertionError("unreachable")
