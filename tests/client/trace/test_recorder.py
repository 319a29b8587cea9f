"""The recorder, on both loops: a trace is true, and recorded tasks behave as unrecorded ones."""

import asyncio
import itertools
import sys
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import pytest

from services.client.trace.model import Outcome, Trace
from services.client.trace.recorder import Recorder
from tests.client.trace.tracing import by_name, turns

pytestmark = pytest.mark.anyio

Work = Coroutine[Any, Any, Any]


async def recorded(work: Work, recorder: Recorder | None = None) -> Trace:
    """Record some work, and return the trace; what the work raises is dropped."""
    recorder = recorder or Recorder()
    try:
        await recorder.record(work)
    except (RuntimeError, asyncio.CancelledError, ExceptionGroup):
        assert asyncio.get_running_loop().get_task_factory() is None
    return recorder.trace()


async def test_a_task_has_a_slice_for_each_time_that_it_ran() -> None:
    """As many as it waited, and one more; in order, apart, and inside the task and the trace."""
    trace = await recorded(turns(5))
    (task,) = trace.tasks
    assert [each.awaits for each in task.slices] == ["__sleep0"] * 5 + [None]
    assert task.end_s is not None
    times = [task.begin_s, *(at_s for each in task.slices for at_s in (each.begin_s, each.end_s)), trace.total_s]
    assert times == sorted(times)
    assert task.slices[-1].begin_s <= task.end_s <= trace.total_s
    assert sum(each.end_s - each.begin_s for each in task.slices) <= trace.total_s


async def test_two_tasks_of_one_loop_never_run_at_the_same_time() -> None:
    """One thread: every slice has ended when the next one begins, whichever task has it."""

    async def main() -> None:
        await asyncio.gather(turns(20), turns(20))

    trace = await recorded(main())
    slices = sorted((each.begin_s, each.end_s) for task in trace.tasks for each in task.slices)
    assert len(slices) == 2 + 2 * 21
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(slices))


async def test_parents_names_and_values_are_kept() -> None:
    """A task that was given no name has that of its coroutine; one made by another knows by which."""

    async def inner() -> str:
        return "inner"

    async def outer() -> str:
        return await asyncio.create_task(inner(), name="the inner")

    async def main() -> str:
        async with asyncio.TaskGroup() as group:
            made = group.create_task(outer())
        return made.result()

    recorder = Recorder()
    assert await recorder.record(main(), name="the first") == "inner"
    tasks = by_name(recorder.trace())
    unnamed = f"{test_parents_names_and_values_are_kept.__name__}.<locals>.outer"
    assert {name: task.parent for name, task in tasks.items()} == {"the first": None, unnamed: 1, "the inner": 2}
    assert {task.outcome for task in tasks.values()} == {Outcome.RETURNED}


async def raises() -> None:
    """Fail after a turn."""
    await asyncio.sleep(0)
    raise RuntimeError


async def waits_for_ever() -> None:
    """Wait without an end."""
    await asyncio.Event().wait()


async def test_failures_and_cancellations_end_a_task_as_they_ended() -> None:
    """In a task group one failure ends the others; each says how it ended."""

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(waits_for_ever(), name="cancelled")
            group.create_task(raises(), name="raised")
            group.create_task(turns(1), name="returned")

    tasks = by_name(await recorded(main()))
    assert {name: str(task.outcome) for name, task in tasks.items() if name != "main"} == {
        name: name for name in ("cancelled", "raised", "returned")
    }
    assert tasks["main"].outcome is Outcome.RAISED
    assert [each.awaits for each in tasks["cancelled"].slices] == ["Event.wait", None]


async def test_a_cancellation_is_passed_on_and_comes_back() -> None:
    """The caller can cancel the recorded work, which has time to clean up."""
    recorder, cleaned, begun = Recorder(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await waits_for_ever()
        finally:
            await turns(2)
            cleaned.set()

    waiting = asyncio.ensure_future(recorder.record(work(), name="work"))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert cleaned.is_set()
    assert by_name(recorder.trace())["work"].outcome is Outcome.CANCELLED


async def test_a_task_that_is_cancelled_before_it_began_is_recorded() -> None:
    """It ran once: to be told."""

    async def main() -> None:
        task = asyncio.create_task(turns(1), name="early")
        task.cancel()
        await asyncio.wait([task])

    early = by_name(await recorded(main()))["early"]
    assert (early.outcome, [each.awaits for each in early.slices]) == (Outcome.CANCELLED, [None])


@types.coroutine
def from_generator() -> Generator[Any, Any, str]:
    """Wait as coroutines did before they had a syntax of their own."""
    yield from asyncio.sleep(0)
    return "generator"


async def test_a_coroutine_made_from_a_generator_is_recorded() -> None:
    """Inside a task, and where Python still makes a task of one, as a task of its own."""

    async def main() -> str:
        if sys.version_info < (3, 12):
            await asyncio.create_task(from_generator(), name="own")
        return await from_generator()

    recorder = Recorder()
    assert await recorder.record(main(), name="main") == "generator"
    for task in recorder.trace().tasks:
        assert task.outcome is Outcome.RETURNED
        assert "__sleep0" in {each.awaits for each in task.slices}


async def first_future() -> None:
    """Wait for a bare future."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_soon(future.set_result, None)
    await future


async def for_a_task() -> None:
    """Wait for a task."""
    await asyncio.create_task(turns(1), name="awaited")


async def for_a_queue() -> None:
    """Wait for an item, three functions deep."""

    async def get() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue()
        asyncio.get_running_loop().call_soon(queue.put_nowait, 1)
        await queue.get()

    async def middle() -> None:
        await get()

    await middle()


@pytest.mark.parametrize(
    ("work", "awaits"),
    [(first_future, "Future"), (for_a_task, "Task"), (for_a_queue, "Queue.get")],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_what_a_task_waits_for_is_the_innermost_await(work: Callable[[], Work], awaits: str) -> None:
    """The coroutine that waits, however deep; where it is the task's own, the kind of object that it waits for."""
    trace = await recorded(work())
    assert [each.awaits for each in trace.tasks[0].slices] == [awaits, None]


def eager_on_uvloop(loop: asyncio.AbstractEventLoop, coroutine: Work, **more: Any) -> asyncio.Task[Any]:
    """Make an eager task; asyncio's own factory refuses what uvloop passes on some versions of Python."""
    make: Any = asyncio.Task
    return make(coroutine, loop=loop, **{**more, "eager_start": True})  # type: ignore[no-any-return]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
async def test_eager_tasks_are_recorded() -> None:
    """A task that runs inside its own making, to its end or to its first wait, interrupts the one that makes it."""
    loop = asyncio.get_running_loop()
    eager: Any = getattr(asyncio, "eager_task_factory", None)
    if type(loop).__module__.startswith("uvloop"):
        eager = eager_on_uvloop
    loop.set_task_factory(eager)
    recorder = Recorder()

    async def main() -> None:
        at_once = asyncio.create_task(turns(0), name="at once")
        assert at_once.done()
        await asyncio.create_task(turns(1), name="later")

    try:
        await recorder.record(main(), name="main")
        assert loop.get_task_factory() is eager
    finally:
        loop.set_task_factory(None)
    tasks = by_name(recorder.trace())
    assert {name: len(task.slices) for name, task in tasks.items()} == {"main": 2, "at once": 1, "later": 2}
    assert tasks["at once"].parent == tasks["later"].parent == tasks["main"].id


async def test_tasks_of_others_on_the_loop_are_not_recorded() -> None:
    """The embedded lab's servers share the loop with the client that is recorded."""
    begun = asyncio.Event()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.create_task(turns(1), name="of the server")
        writer.write(b"hello\n")
        writer.close()
        begun.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)

    async def main() -> bytes:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        line = await reader.readline()
        writer.close()
        return line

    async with server:
        recorder = Recorder()
        assert await recorder.record(main(), name="client") == b"hello\n"
        await begun.wait()
    names = by_name(recorder.trace()).keys()
    assert "client" in names
    assert not {"of the server", "serve"} & names


async def test_after_a_trace_the_loop_is_as_before() -> None:
    """It has its task factory back, and a task that outlives the trace runs unrecorded."""
    loop = asyncio.get_running_loop()
    made: list[asyncio.Task[int]] = []

    async def main() -> None:
        made.append(asyncio.create_task(turns(3), name="outlives"))
        await asyncio.sleep(0)

    recorder = Recorder()
    await recorder.record(main())
    assert loop.get_task_factory() is None
    before = recorder.trace()
    assert await made[0] == 3
    assert recorder.trace() == before
    outlives = by_name(before)["outlives"]
    assert (outlives.end_s, outlives.outcome) == (None, None)


async def test_a_task_factory_that_was_there_is_used_and_comes_back() -> None:
    """Another recorder's, too: each records its own."""
    loop = asyncio.get_running_loop()
    outer, inner = Recorder(), Recorder()

    async def inside() -> None:
        await inner.record(turns(1), name="innermost")

    await outer.record(inside(), name="outermost")
    assert loop.get_task_factory() is None
    assert by_name(outer.trace()).keys() == {"outermost", "innermost"}
    assert by_name(inner.trace()).keys() == {"innermost"}
