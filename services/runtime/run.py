"""Running a program on its loop, until it is done or asked to stop.

Signals of services are handled by `run` and, during imports, by `interrupts`. The first SIGINT or SIGTERM sets an
event; a second one sets another event, for programs that then end sooner. `docker compose run -T` forwards each ^C
twice, so signals within BOUNCE_S of one another are one.

The event loop is chosen by name, and made by a loop factory: policies are deprecated from Python 3.14 on. The name that
results show is that of the loop which runs, so that it cannot be another.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Sequence

from services.runtime.cli import INTERRUPTED
from services.runtime.errors import (
    BadSetting,
    LoopMissing,
    NoFile,
    NoThread,
    OutOfMemory,
    ProgramError,
    lacks_files,
    lacks_memory,
)
from services.runtime.serving.listen import AcceptErrorHandler
from services.runtime.settings import LOOPS
from services.runtime.terminal import say

BOUNCE_S = 0.1
ENDED_BY = (signal.SIGHUP,)  # besides SIGINT and SIGTERM, a program of a person: its terminal closes


class Stop:
    """The request to end the program. `event`: it was made, by `signal`; `again`: it was made a second time.

    `pass_on`: where it is set, it gets every signal, and none of them is a request.
    """

    def __init__(self) -> None:
        self.pass_on: Callable[[signal.Signals], object] | None = None
        self.event = asyncio.Event()
        self.again = asyncio.Event()
        self.signal: signal.Signals | None = None
        self._last_s = 0.0

    def ask(self, by: signal.Signals) -> None:
        """Set `event`, and `again` where it is set already; `signal` stays the first one."""
        if self.pass_on:
            self.pass_on(by)
            return
        now = time.monotonic()
        if self.event.is_set() and now - self._last_s >= BOUNCE_S:
            self.again.set()
        self._last_s = now
        self.signal = self.signal or by
        self.event.set()


def run(
    main: Callable[[Stop], Coroutine[None, None, int]],
    *,
    loop: str,
    announce: bool = True,
    more_signals: Sequence[signal.Signals] = (),
) -> int:
    """Run `main` on the loop of that name and return its exit code. `announce`: whether stderr names the loop.

    `more_signals`: those that ask for a stop besides SIGINT and SIGTERM, unless they are ignored, as under nohup(1).
    """

    async def with_signals() -> int:
        asyncio.get_running_loop().set_exception_handler(AcceptErrorHandler())
        stop = Stop()
        handle_signals(stop, more_signals)
        if announce:
            say(f"loop: {running_loop_name()}")
        try:
            return await main(stop)
        except* (ProgramError, MemoryError) as group:  # a task group wraps what ended it
            raise first_error(group) from None
        except* RuntimeError as group:
            if is_lack_of_threads(group):
                raise NoThread from None
            raise

    try:
        with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
            return runner.run(with_signals())
    except RuntimeError as error:  # closing the loop may need a thread, too
        if is_lack_of_threads(error):
            raise NoThread from None
        raise
    except (OSError, BaseExceptionGroup) as error:
        if lacks_files(innermost(error)):
            raise NoFile from None
        raise


def handle_signals(stop: Stop, more_signals: Sequence[signal.Signals]) -> None:
    """Have SIGINT, SIGTERM and those of `more_signals` that are not ignored ask for a stop on the running loop."""
    loop = asyncio.get_running_loop()
    heeded = (each for each in more_signals if signal.getsignal(each) is not signal.SIG_IGN)
    for number in (signal.SIGINT, signal.SIGTERM, *heeded):
        loop.add_signal_handler(number, stop.ask, number)


def is_lack_of_threads(error: BaseException) -> bool:
    """Return whether asyncio could not start a thread; Python has no class for that error, only a text."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_lack_of_threads, error.exceptions))
    return "can't start new thread" in str(error)


def first_error(group: BaseExceptionGroup[ProgramError | MemoryError]) -> ProgramError:
    """Return the first error of a group, however deep."""
    error = innermost(group)
    return error if isinstance(error, ProgramError) else OutOfMemory()


def innermost(error: BaseException) -> BaseException:
    """Return the first error of a group, however deep; an error that is no group is returned as it is."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def until_stopped(work: Coroutine[None, None, int], stop: Stop, *, grace_s: float = 0.0) -> int:
    """Return what `work` returns; a stop cancels it, and the result is INTERRUPTED.

    `grace_s`: how long it has after the stop to end by itself.
    """
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.event.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if grace_s and not working.done():
            await asyncio.wait({working}, timeout=grace_s)
    finally:
        stopping.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
    return INTERRUPTED if working.cancelled() else working.result()


def loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return the factory of a loop.

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
