"""The task factory of a recorded loop: it makes tasks as the loop did before, of coroutines that note when they run."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from services.client.trace.recorded import Recorded

if TYPE_CHECKING:
    from services.client.trace.recorder import Recorder

GROUP_CREATE_TASK = asyncio.TaskGroup.create_task.__code__

Result = TypeVar("Result")
TaskFactory = Any  # its type differs from one version of typeshed to the next


def task_factory(recorder: "Recorder", before: TaskFactory | None) -> TaskFactory:
    """Return a factory that makes recorded tasks by another factory (None: as a loop without one makes them)."""

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Future[Any]:
        wrapped = recorder.wrapped(coroutine, group=owner_of_group())
        task = (before or plain_task)(loop, wrapped or coroutine, **more)
        if wrapped:
            wrapped.track.task = task
        return task

    return factory


def owner_of_group() -> int | None:
    """Return the id of the task whose TaskGroup makes a task now; None where none does.

    A task may make another in the group of a third one. The group has no record of its own, but it is in the frame of
    the call: that of the factory's caller or, since uvloop has no frames, of its caller.
    """
    frame = sys._getframe(2)
    for each in (frame, frame.f_back):
        if each is not None and each.f_code is GROUP_CREATE_TASK:
            owner = getattr(each.f_locals.get("self"), "_parent_task", None)
            coroutine = owner.get_coro() if isinstance(owner, asyncio.Task) else None
            return coroutine.track.id if isinstance(coroutine, Recorded) else None
    return None


def plain_task(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Result], **more: Any
) -> asyncio.Task[Result]:
    """Return the task that a loop without a task factory makes."""
    return asyncio.Task(coroutine, loop=loop, **more)
