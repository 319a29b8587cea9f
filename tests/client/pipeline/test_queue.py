"""The queue edition: its bound, its end, and that neither an error nor ^C leaves a task or an unnamed id behind."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services.client.pipeline.edition import Edition, Emit, WorkOf
from services.client.pipeline.editions import broken, queue_
from services.client.pipeline.editions.queue_with_end import Queue, QueueShutDown
from services.client.pipeline.items import Items
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import Options
from services.client.pipeline.stages import Item, Result
from services.client.pipeline.work import reply_to_number
from services.client.settings import ClientSettings
from tests.client.pipeline.editions import LOCAL, EditionTest

pytestmark = pytest.mark.anyio
DEADLINE_S = 30  # of a test that would else hang

Work = Callable[[Item], Awaitable[Result]]


@pytest.mark.parametrize("edition", LOCAL.values(), ids=LOCAL)
@pytest.mark.parametrize(("producers", "consumers", "size"), [(1, 1, 1), (1, 4, 2), (3, 1, 5), (4, 5, 100)])
@pytest.mark.parametrize("count", [0, 1, 250])
async def test_every_item_has_one_result(
    edition: Edition, producers: int, consumers: int, size: int, count: int
) -> None:
    """However many producers and consumers there are: one handling an id."""
    test = EditionTest(count, producers=producers, consumers=consumers, queue_size=size)
    await test.run(edition)
    assert sorted(test.ids) == list(range(1, count + 1))
    assert {result.reply for result, _ in test.results} <= {"200 OK"}
    assert test.ledger.is_sound
    assert not test.ledger.unfinished


async def suspended(item: Item) -> Result:
    """Do the work after a wait."""
    await asyncio.sleep(0)
    return await reply_to_number(item)


@pytest.mark.parametrize("work", [reply_to_number, suspended], ids=["at once", "after a wait"])
async def test_the_queue_is_never_deeper_than_its_size(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several producers that wait for room do not overfill it."""
    depths: list[int] = []

    class Measured(Queue[Item]):
        def _put(self, item: Item) -> None:
            super()._put(item)  # asyncio's own place for another order of items
            depths.append(self.qsize())

    monkeypatch.setattr(queue_, "Queue", Measured)
    test = EditionTest(500, work, producers=4, consumers=3, queue_size=7)
    await test.run(queue_.run)
    assert len(depths) == 500
    assert max(depths) == 7


async def test_a_slow_consumer_slows_the_producer() -> None:
    """What has been handed over and is not done is never more than the queue, and one for each task."""
    most = 0

    async def work(item: Item) -> Result:
        nonlocal most
        most = max(most, len(test.ledger.attempted) - len(test.results))
        return await suspended(item)

    test = EditionTest(300, work, producers=2, consumers=3, queue_size=10)
    await test.run(queue_.run)
    assert 10 < most <= 10 + 2 + 3
    assert test.ledger.wait_s > 0


class Blocked:
    """Work that begins and does not end; `begun` is set when `consumers` items are in it."""

    def __init__(self, consumers: int) -> None:
        self.begun = asyncio.Event()
        self.cancelled = 0
        self._left = consumers

    async def __call__(self, item: Item) -> Result:
        self._left -= 1
        if not self._left:
            self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return await reply_to_number(item)


@pytest.mark.parametrize("edition", LOCAL.values(), ids=LOCAL)
async def test_a_cancellation_ends_what_is_in_flight(edition: Edition) -> None:
    """No task is left, and the ledger has the ids that were not finished."""
    consumers = 3 if edition is queue_.run else 1
    work = Blocked(consumers)
    test = EditionTest(100, work, consumers=consumers, queue_size=4)
    before = asyncio.all_tasks()
    running = asyncio.ensure_future(test.run(edition))
    await work.begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() == before
    assert work.cancelled == consumers
    assert list(test.ledger.unfinished) == list(test.ledger.attempted)
    assert len(test.ledger.unfinished) >= consumers


@pytest.mark.parametrize("edition", LOCAL.values(), ids=LOCAL)
async def test_an_error_of_a_consumer_ends_the_others(edition: Edition) -> None:
    """It is raised, nothing is left, and its id is among the unfinished."""

    async def work(item: Item) -> Result:
        if item.id == 50:
            raise ValueError("a bug")
        return await suspended(item)

    test = EditionTest(1_000, work)
    before = asyncio.all_tasks()
    with pytest.raises((ValueError, ExceptionGroup)):
        await test.run(edition)
    assert asyncio.all_tasks() == before
    assert 50 in test.ledger.unfinished
    assert len(test.ledger.attempted) < 100


async def lossy(
    items: Items, work_of: WorkOf, emit: Emit, *, ledger: Ledger, options: Options, settings: ClientSettings
) -> None:
    """Be a queue edition whose consumer takes an item, and forgets each seventh before its work is done."""

    def forgetful() -> Work:
        work = work_of()

        async def forget(item: Item) -> Result:
            return await work(item) if item.id % 7 else Result(0, "forgotten")

        return forget

    async def emit_all_but_the_forgotten(result: Result, worker: str) -> None:
        if result.id:
            await emit(result, worker)

    await queue_.run(items, forgetful, emit_all_but_the_forgotten, ledger=ledger, options=options, settings=settings)


async def test_a_lossy_consumer_makes_the_ledger_fail() -> None:
    """It has acknowledged what it never did: that many are lost, and the first of them is named."""
    test = EditionTest(100)
    await test.run(lossy)
    assert test.ledger.lost == 14
    assert not test.ledger.is_sound
    assert test.ledger.unfinished.shown(1) == "7 and 13 more"


async def test_without_task_done_a_join_waits_for_ever() -> None:
    """The lesson `broken` hangs, with all results but one and no error: only a deadline ends it."""
    all_done = asyncio.Event()

    async def work(item: Item) -> Result:
        if item.id == 20:
            all_done.set()
        return await reply_to_number(item)

    before = asyncio.all_tasks()
    test = EditionTest(20, work, queue_size=3)
    running = asyncio.ensure_future(test.run(broken.run))
    await all_done.wait()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(running, 0.2)
    assert asyncio.all_tasks() == before
    assert sorted(test.ids) == [number for number in range(1, 21) if number != broken.FAILING_ID]
    assert list(test.ledger.unfinished) == [broken.FAILING_ID]


async def test_the_same_error_ends_the_queue_edition_at_once() -> None:
    """Its end waits for its tasks, and counts nothing."""
    test = EditionTest(20, lambda item: broken.failing(item, reply_to_number), queue_size=3)
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(ExceptionGroup):
            await test.run(queue_.run)


@pytest.mark.parametrize("left", [0, 1, 3])
async def test_a_queue_that_is_shut_down_gives_what_is_left(left: int) -> None:
    """On every Python, as asyncio's own does since 3.13: to `get` and to `get_nowait`, to those that wait, too."""
    queue: Queue[int] = Queue(5)
    waiting = [] if left else [asyncio.ensure_future(queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    for number in range(left):
        queue.put_nowait(number)
    queue.shutdown()
    assert [await queue.get() for _ in range(left)] == list(range(left))
    for each in waiting:
        with pytest.raises(QueueShutDown):
            await each
    with pytest.raises(QueueShutDown):
        await queue.get()
    with pytest.raises(QueueShutDown):
        queue.get_nowait()
