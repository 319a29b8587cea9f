"""Work beside the main work: a task for as long as a block lasts, and calls that may block for ever.

`alongside`: its errors are the block's, so that they are not lost, and not found out later.
`aside`: a call that blocks, as reading a terminal does, keeps no program from ending. `asyncio.to_thread` will not do:
when the program ends, its loop waits for all its threads.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TypeVar

from services.runtime.errors import NoThread


@asynccontextmanager
async def alongside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Do `work` while inside; it is cancelled on the way out.

    Its error ends what is inside, and comes out in a group, as of every TaskGroup. What is raised inside comes out as
    it is: a caller that expects an error need not know that something went on beside.
    """
    raised_inside: Exception | None = None
    async with asyncio.TaskGroup() as group:
        working = group.create_task(work)
        try:
            yield
        except Exception as error:
            raised_inside = error
        finally:
            working.cancel()
    if raised_inside:
        raise raised_inside


Result = TypeVar("Result")


async def aside(call: Callable[[], Result]) -> Result:
    """Return what `call` returns, or raise what it raises; it runs in a thread that no end waits for.

    Raises NoThread where the machine allows no thread.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: Exception | None) -> None:
        if answer.done():  # cancelled: nobody waits any more
            return
        if error:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type] # without an error, it is what `call` returned

    def work() -> None:
        result, raised = None, None
        try:
            result = call()
        except Exception as error:
            raised = error
        try:
            loop.call_soon_threadsafe(settle, result, raised)
        except RuntimeError:
            return  # the loop has gone

    start_thread(work, name="aside")
    return await answer


def start_thread(work: Callable[[], object], *, name: str) -> None:
    """Start a daemon thread. Raises NoThread."""
    try:
        threading.Thread(target=work, name=name, daemon=True).start()
    except (RuntimeError, MemoryError) as error:  # RuntimeError: "can't start new thread"
        raise NoThread from error
