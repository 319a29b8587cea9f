"""Running a program on its loop, until it is done or asked to stop.

Only `run` touches signals. SIGINT and SIGTERM set an event, once; a second one, which a person means, sets another
event for the programs that have a use for it. `docker compose run -T` forwards each ^C twice, so signals that come
within BOUNCE_S of one another are one.

The event loop is a choice: its name in, a factory out. A factory and not a policy, since policies are deprecated from
Python 3.14 on. The name of the loop that really runs is asked of the loop itself, so that no result can claim another.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine

from services.runtime.cli import INTERRUPTED
from services.runtime.errors import BadSetting, LoopMissing, NoThread, OutOfMemory, ProgramError, lacks_memory
from services.runtime.serving.listen import AcceptErrors
from services.runtime.settings import LOOPS
from services.runtime.terminal import say

BOUNCE_S = 0.1


class Stop:
    """Somebody asked the program to end: an event, the signal that set it, and an event for who asked again."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.again = asyncio.Event()
        self.signal: signal.Signals | None = None
        self._last_s = 0.0

    def ask(self, by: signal.Signals) -> None:
        """Set the event, or the second one; the first signal is the one that counts."""
        now = time.monotonic()
        if self.event.is_set() and now - self._last_s >= BOUNCE_S:
            self.again.set()
        self._last_s = now
        self.signal = self.signal or by
        self.event.set()


def run(main: Callable[[Stop], Coroutine[None, None, int]], *, loop: str, announce: bool = True) -> int:
    """Run `main` on the loop of that name and return its exit code; say which loop it is, unless told not to."""

    async def with_signals() -> int:
        stop, running = Stop(), asyncio.get_running_loop()
        running.set_exception_handler(AcceptErrors())
        for number in (signal.SIGINT, signal.SIGTERM):
            running.add_signal_handler(number, stop.ask, number)
        if announce:
            say(f"loop: {running_loop_name()}")
        try:
            return await main(stop)
        except* (ProgramError, MemoryError) as group:  # a task group wraps what ended it
            raise first(group) from None
        except* RuntimeError as group:
            if is_lack_of_threads(group):
                raise NoThread from None
            raise

    try:
        with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
            return runner.run(with_signals())
    except RuntimeError as error:  # the loop's own end may need a thread, too
        if is_lack_of_threads(error):
            raise NoThread from None
        raise


def is_lack_of_threads(error: BaseException) -> bool:
    """Return whether a thread of asyncio's own could not be started; Python has no other name for that."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_lack_of_threads, error.exceptions))
    return "can't start new thread" in str(error)


def first(group: BaseExceptionGroup[ProgramError | MemoryError]) -> ProgramError:
    """Return the first error of a group, however deep."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, ProgramError) else OutOfMemory()


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


def loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes a loop of that name.

    Raises BadSetting for a name that is not in LOOPS, LoopMissing where uvloop is not installed,
    OutOfMemory where there is no memory to load it.
    """
    if name == "asyncio":
        return asyncio.new_event_loop
    if name != "uvloop":
        raise BadSetting("loop", name, f"one of {', '.join(LOOPS)}")
    try:
        import uvloop
    except ImportError as error:
        if lacks_memory(error):
            raise OutOfMemory from error
        raise LoopMissing(name) from error
    return uvloop.new_event_loop


def running_loop_name() -> str:
    """Return the name, as in LOOPS, of the loop that runs this."""
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]
