"""Running a program on its loop, until it is done or asked to stop.

Only `run` touches signals. SIGINT and SIGTERM set an event, once; more of them change nothing, which matters
because `docker compose run -T` forwards each ^C twice.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine

from services.runtime.command_line import INTERRUPTED, say
from services.runtime.errors import ProgramError
from services.runtime.loop import loop_factory, running_loop_name


class Stop:
    """Somebody asked the program to end: an event, and the signal that set it."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.signal: signal.Signals | None = None

    def ask(self, by: signal.Signals) -> None:
        """Set the event; the first signal is the one that counts."""
        self.signal = self.signal or by
        self.event.set()


def run(main: Callable[[Stop], Coroutine[None, None, int]], *, loop: str) -> int:
    """Run `main` on the loop of that name and return its exit code."""

    async def with_signals() -> int:
        stop = Stop()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.ask, number)
        say(f"loop: {running_loop_name()}")
        try:
            return await main(stop)
        except* ProgramError as group:  # a task group wraps what ended it
            raise first(group) from None

    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        return runner.run(with_signals())


def first(group: BaseExceptionGroup[ProgramError]) -> ProgramError:
    """Return the first error of a group, however deep."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, ProgramError)  # noqa: S101 - except* selected it
    return error


async def until_stopped(work: Coroutine[None, None, int], stop: Stop) -> int:
    """Return what `work` returns; a stop cancels it, and the result is INTERRUPTED."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.event.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
    return INTERRUPTED if working.cancelled() else working.result()
