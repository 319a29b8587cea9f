"""Work beside the main work: a task that lasts as long as a block, and calls that may block for ever.

`background_task`, `task_group`: an error of a task ends the block, so that none is lost or found out later.
`run_in_daemon_thread`: for a call that blocks, as reading a terminal does. `asyncio.to_thread` will not do: when the
program ends, its loop waits for all threads of that kind, and a blocked one would keep the program from ending.
"""

import _thread
import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TypeVar

from services.runtime.errors import NoThread

Result = TypeVar("Result")


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """Yield a TaskGroup, and wait for its tasks on the way out.

    An error of a task cancels the block and is raised in a group, as by every TaskGroup. An error of the block is
    raised as it is: a caller that expects one need not know of the tasks.
    """
    error_inside: Exception | None = None
    async with asyncio.TaskGroup() as group:
        try:
            yield group
        except Exception as error:
            error_inside = error
    if error_inside:
        raise error_inside


@asynccontextmanager
async def background_task(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` while inside; it is cancelled on the way out. Errors are raised as by `task_group`."""
    async with task_group() as group:
        working = group.create_task(work)
        try:
            yield
        finally:
            working.cancel()


async def set_within(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait for an event, for so long at most; return whether it is set."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True


async def run_in_daemon_thread(call: Callable[[], Result]) -> Result:
    """Return what `call` returns, or raise what it raises; the end of the program does not wait for it.

    Raises NoThread where the machine allows no thread.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Result] = loop.create_future()

    def set_outcome(result: Result | None, error: Exception | None) -> None:
        if outcome.done():  # the caller was cancelled
            return
        if error:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type] # without an error, it is what `call` returned

    def work() -> None:
        result, raised = None, None
        try:
            result = call()
        except Exception as error:
            raised = error
        try:
            loop.call_soon_threadsafe(set_outcome, result, raised)
        except RuntimeError:
            return  # the loop is closed

    start_daemon_thread(work, name="daemon-call")
    return await outcome


def start_daemon_thread(work: Callable[[], object], *, name: str) -> None:
    """Start a daemon thread. Raises NoThread."""
    try:
        threading.Thread(target=work, name=name, daemon=True).start()
    except (RuntimeError, MemoryError) as error:  # RuntimeError: "can't start new thread"
        raise NoThread from error


def start_unlisted_thread(work: Callable[[], object]) -> None:
    """Start a daemon thread that `threading` does not list: it is beside a program that may count its threads.

    Raises NoThread.
    """
    try:
        _thread.start_new_thread(work, ())
    except (RuntimeError, MemoryError) as error:
        raise NoThread from error
