"""What tasks wait for: the kind, the function and the line, alike on both loops."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

import pytest

from services.client.trace.model import Slice, Trace
from services.client.trace.recorder import Recorder

pytestmark = pytest.mark.anyio

Work = Coroutine[Any, Any, Any]
FILE = "trace/test_waits.py"


async def recorded(work: Work, *, places: bool = True) -> Trace:
    """Record some work, and return the trace."""
    recorder = Recorder(places=places)
    await recorder.record(work)
    return recorder.trace()


def waits(trace: Trace, task: int = 1) -> list[Slice]:
    """Return the slices of a task after which it waited."""
    return [each for each in trace.tasks[task - 1].slices if each.kind]


LINES = Path(__file__).read_text("utf-8").splitlines()


def line_of(function: Callable[..., object], text: str) -> int:
    """Return the number of the first line of a function, or behind it, that has a text."""
    first = function.__code__.co_firstlineno
    return next(number for number, line in enumerate(LINES[first - 1 :], first) if text in line)


async def sleeps() -> None:
    """Wait for some time."""
    await asyncio.sleep(0.001)  # here


async def sleeps_not() -> None:
    """Let others run."""
    await asyncio.sleep(0)  # here


async def for_an_item() -> None:
    """Wait for a queue."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    asyncio.get_running_loop().call_soon(queue.put_nowait, 1)
    await queue.get()  # here


async def for_a_lock() -> None:
    """Wait for a lock."""
    lock = asyncio.Lock()
    await lock.acquire()
    asyncio.get_running_loop().call_soon(lock.release)
    await lock.acquire()  # here


async def for_an_event() -> None:
    """Wait for an event."""
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)
    await event.wait()  # here


async def for_a_task() -> None:
    """Wait for a task."""
    await asyncio.create_task(sleeps_not())  # here


async def for_tasks() -> None:
    """Wait for several."""
    await asyncio.gather(sleeps_not(), sleeps_not())  # here


async def for_a_group() -> None:
    """Wait for a group."""
    async with asyncio.TaskGroup() as group:  # here
        group.create_task(sleeps_not())


async def for_a_shield() -> None:
    """Wait for a task, and leave it alone."""
    await asyncio.shield(asyncio.create_task(sleeps_not()))  # here


async def for_a_thread() -> None:
    """Wait for a thread, which ends when this is known to wait."""
    waits = threading.Event()
    asyncio.get_running_loop().call_soon(waits.set)
    await asyncio.to_thread(waits.wait)  # here


async def for_an_executor() -> None:
    """Wait for a thread, without a function of asyncio's between."""
    waits = threading.Event()
    asyncio.get_running_loop().call_soon(waits.set)
    await asyncio.get_running_loop().run_in_executor(None, waits.wait)  # here


async def for_a_future() -> None:
    """Wait for what this program sets itself."""
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, None)
    await future  # here


async def for_a_connection() -> None:
    """Wait for a socket."""
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    _, writer = await asyncio.open_connection("127.0.0.1", port)  # here
    writer.close()
    server.close()


async def items() -> AsyncIterator[int]:
    """Yield an item after a wait."""
    await asyncio.sleep(0.001)  # here
    yield 1


async def in_a_generator() -> None:
    """Wait behind `async for`, which shows nothing of what it waits for."""
    async for _ in items():
        pass


class Awaitable:
    """An object that waits as its coroutine does."""

    def __await__(self) -> Generator[Any, None, None]:
        return sleeps().__await__()


async def behind_await() -> None:
    """Wait for such an object."""
    await Awaitable()


KINDS = [
    (sleeps, sleeps, "sleep"),
    (sleeps_not, sleeps_not, "turn"),
    (for_an_item, for_an_item, "queue"),
    (for_a_lock, for_a_lock, "lock"),
    (for_an_event, for_an_event, "lock"),
    (for_a_task, for_a_task, "task"),
    (for_tasks, for_tasks, "task"),
    (for_a_group, for_a_group, "task"),
    (for_a_shield, for_a_shield, "task"),
    (for_a_thread, for_a_thread, "thread"),
    (for_an_executor, for_an_executor, "thread"),
    (for_a_future, for_a_future, "other"),
    (for_a_connection, for_a_connection, "socket"),
    (in_a_generator, items, "sleep"),
    (behind_await, sleeps, "sleep"),
]


@pytest.mark.parametrize(("work", "where", "kind"), KINDS, ids=lambda value: getattr(value, "__name__", None))
async def test_the_kind_and_the_line_of_a_wait(work: Callable[[], Work], where: Callable[[], Work], kind: str) -> None:
    """The line is that of the person's own innermost await, and not one of Python's library."""
    trace = await recorded(work())
    place = f"{FILE}:{line_of(where, '# here')}"
    assert (kind, place) in {(each.kind, each.place) for each in waits(trace)}


async def test_one_line_has_the_kind_of_each_of_its_waits() -> None:
    """What is known of a line for one wait is not taken for the next."""

    async def either(work: Work) -> None:
        await work

    async def main() -> None:
        for work in (sleeps, for_an_item, sleeps, for_a_lock):
            await either(work())

    found = [each.kind for each in waits(await recorded(main()))]
    assert found == ["sleep", "queue", "sleep", "lock"]


@pytest.mark.parametrize("work", [work for work, _, _ in KINDS], ids=lambda value: value.__name__)
async def test_a_wait_that_is_met_again_is_known_as_it_was(work: Callable[[], Work]) -> None:
    """What is kept of a chain of coroutines tells the same as the chain itself, which is read once."""

    async def main(repeats: int) -> None:
        for _ in range(repeats):
            await work()

    def told(trace: Trace) -> set[tuple[str | None, str, str]]:
        return {(each.awaits, each.kind, each.place) for each in waits(trace)}

    assert told(await recorded(main(3))) == told(await recorded(main(1)))


async def test_a_chain_beyond_the_bound_is_noted_as_far_as_it_is_followed() -> None:
    """A function that calls itself may be deep; its line is known all the same."""

    async def deep(calls: int) -> None:
        if calls:
            await deep(calls - 1)  # here
        else:
            await sleeps_not()

    async def main() -> None:
        await deep(300)
        await deep(300)

    found = waits(await recorded(main()))
    assert len(found) == 2
    assert {each.place for each in found} == {f"{FILE}:{line_of(deep, '# here')}"}


async def test_without_places_the_type_alone_tells() -> None:
    """No function and no line are looked for."""

    async def main() -> None:
        await asyncio.sleep(0)
        await asyncio.create_task(sleeps_not())
        await sleeps()

    found = waits(await recorded(main(), places=False))
    assert [(each.awaits, each.kind, each.place) for each in found] == [
        ("another turn", "turn", ""),
        ("Task", "task", ""),
        ("Future", "other", ""),
    ]
