"""The least that a recorder of tasks does: it reads the clock when a coroutine begins and ceases to run.

A recorder that wraps coroutines cannot cost less. So this is the ceiling of every goal of `lab bench trace`.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Clocked(Coroutine[Any, Any, Any]):
    """A coroutine that keeps two readings of the clock for each time that it runs, and notes nothing else."""

    __slots__ = ("_work", "send", "throw")

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        resuming = resume_and_time(work)
        next(resuming)
        self._work, self.send, self.throw = work, resuming.send, resuming.throw

    send: Callable[[Any], Any]
    throw: Callable[..., Any]

    def close(self) -> None:
        self._work.close()

    def __await__(self) -> Generator[Any, Any, None]:
        return self._work.__await__()


def resume_and_time(work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Resume a coroutine whenever this is resumed, between two readings of the clock; return what it returns."""
    clock, resume, times = time.perf_counter, work.send, list[float]()
    step: Callable[[Any], object] = resume
    waited_for: object = None
    given = yield waited_for
    while True:
        begin_s = clock()
        try:
            waited_for = step(given)
        except StopIteration as ended:
            return ended.value
        end_s = clock()
        times.append(begin_s)
        times.append(end_s)
        step = resume
        try:
            given = yield waited_for
        except BaseException as error:  # a cancellation, too: the coroutine handles it
            step, given = work.throw, error


def clocked_task(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **more: Any) -> asyncio.Task[Any]:
    """Make a task of a coroutine that is wrapped: the task factory of a loop."""
    return asyncio.Task(Clocked(work), loop=loop, **more)
