"""Calls that may block for ever, as reading a terminal does: a program that is to end does not wait for them.

`asyncio.to_thread` will not do: when the program ends, its loop waits for all its threads.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from services.runtime.threads import start_thread

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
