"""The task factory of a recorded loop: it makes tasks as the loop did before, of coroutines that note when they run."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from services.client.trace.tasks.recorded import Recorded

if TYPE_CHECKING:
    from traceback import StackSummary

    from services.client.trace.recorder import Recorder

GROUP_CREATE_TASK = asyncio.TaskGroup.create_task.__code__

Result = TypeVar("Result")
TaskFactory = Any  # its type differs from one version of typeshed to the next


def task_factory(recorder: "Recorder", before: TaskFactory | None) -> TaskFactory:
    """Return a factory that makes recorded tasks by another factory (None: as a loop without one makes them)."""

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Future[Any]:
        is_one = asyncio.iscoroutine(coroutine)  # what is none is refused by the task itself
        wrapped = recorder.wrapped(coroutine, group=owner_of_group()) if is_one else None
        task = (before or plain_task)(loop, wrapped or coroutine, **more)
        if wrapped:
            wrapped.track.task = task
        if made_by := getattr(task, "_source_traceback", None):  # of a loop in debug mode
            hide_factory(made_by, is_plain=before is None)
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


def hide_factory(made_by: "StackSummary", *, is_plain: bool) -> None:
    """Take what makes a recorded task out of the stack that says where the task was made.

    `is_plain`: whether a loop without a factory would have made it: asyncio's own loop then leaves itself out.
    """
    made_by[:] = [each for each in made_by if each.filename != __file__]
    if is_plain and made_by and made_by[-1].filename == asyncio.base_events.__file__:
        del made_by[-1]


def plain_task(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Result], **more: Any
) -> asyncio.Task[Result]:
    """Return the task that a loop without a task factory makes."""
    return asyncio.Task(coroutine, loop=loop, **more)
