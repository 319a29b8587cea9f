"""The client's commands about a site, run against a lab in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio.to_thread

from lab.embedded.sites import SiteRoutes
from services.client.cli import understand
from services.client.settings import ClientSettings
from services.client.topology import Topology
from services.runtime.run import Stop
from tests.sites.peer import listen
from tests.sites.target import KEEP, Target, sites, target_of

HOST = "keep.test"


class Lab:
    """A site, and the client's commands against it."""

    def __init__(self, target: Target, settings: ClientSettings) -> None:
        self.target, self._settings = target, settings

    async def run(self, *words: str) -> int:
        """Run a command line of the client and return its exit code."""
        invocation = await anyio.to_thread.run_sync(partial(understand, words, default_loop="asyncio"))
        return await invocation.main(self._settings, Stop())


@asynccontextmanager
async def lab(directory: Path) -> AsyncIterator[Lab]:
    """Run a site that the client can reach by its name."""
    async with sites({f"{HOST}.http": KEEP}, directory) as running:
        settings = ClientSettings(topology=Topology(SiteRoutes(running), closed=True))
        yield Lab(await target_of(running, HOST), settings)


async def get(target: Target, times: int = 1) -> list[bytes]:
    """Make requests on connections of their own, and return what each got."""

    def ask() -> bytes:
        with target.peer.connect() as connection:
            connection.sendall(target.peer.get())
            return listen(connection, len(KEEP)).data

    return [await anyio.to_thread.run_sync(ask) for _ in range(times)]
