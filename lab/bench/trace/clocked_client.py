"""A contestant: the client, and each of its tasks is wrapped by what only reads the clock (`clocked`).

`python -m lab.bench.trace.clocked_client wget ...`, with the client's arguments. It shows what no recorder that wraps
coroutines can go below in a survey.
"""

import asyncio
import sys
from collections.abc import Callable

from lab.bench.trace.clocked import clocked_task
from services.client import cli
from services.runtime import run

loop_factory = run.loop_factory


def clocked(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return the factory of a loop whose tasks are wrapped."""

    def new_loop() -> asyncio.AbstractEventLoop:
        loop = loop_factory(name)()
        loop.set_task_factory(clocked_task)  # type: ignore[arg-type]
        return loop

    return new_loop


if __name__ == "__main__":
    run.loop_factory = clocked
    sys.exit(cli.main())
