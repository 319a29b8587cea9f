"""Workers whose work does harm, as programs for the client's image: `python -c ... KIND ID`.

`ends` kills its own process at one of the ids; `raises` raises at it.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.client.broker_settings import BrokerSettings
from services.client.pipeline.edition import WorkOf
from services.client.pipeline.jetstream.worker.serve import serve
from services.client.pipeline.stages import Item, Result, reply_to
from services.client.settings import ClientSettings
from services.runtime.settings import Environment


def work_of_kind(kind: str, poison: int) -> WorkOf:
    """Return the work of a kind."""

    async def work(item: Item) -> Result:
        if item.id == poison:
            if kind == "ends":
                os.kill(os.getpid(), signal.SIGKILL)
            raise ValueError("the test's poison")
        return reply_to(item)

    return lambda: work


async def main(kind: str, poison: int) -> None:
    """Work until the container is stopped."""

    @asynccontextmanager
    async def make(*_: object, **__: object) -> AsyncIterator[WorkOf]:
        yield work_of_kind(kind, poison)

    settings = ClientSettings(broker=BrokerSettings.from_environment(Environment()))
    await serve(settings, asyncio.Event(), concurrency=16, name=socket.gethostname(), make=make)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
