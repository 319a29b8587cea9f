"""The edition over a broker, without faults: the same results as the other editions, and its bounds."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.client.pipeline.jetstream import edition
from services.client.pipeline.jetstream.broker.connection import connect
from services.client.pipeline.jetstream.broker.requests import requesting
from services.client.pipeline.jetstream.broker.streams import Api, jobs_of
from services.client.pipeline.stages import Item, Result, reply_to
from tests.client.pipeline.jetstream.brokers import PATIENT, Broker
from tests.client.pipeline.jetstream.runs import new_outcome, run_items, worker

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("count", "queue_size"), [(0, 10), (1, 1), (300, 1), (1000, 100)])
async def test_every_item_has_one_result(broker: Broker, count: int, queue_size: int) -> None:
    """Nothing lost, nothing twice, whatever the queue's size; and no job is left at the broker."""
    outcome = new_outcome()
    async with worker(broker.settings()), worker(broker.settings(), name="two"):
        await run_items(broker.settings(PATIENT), count, outcome=outcome, queue_size=queue_size)
    ledger = outcome.ledger
    assert (len(ledger.attempted), len(ledger.acknowledged), len(ledger.recorded)) == (count, count, count)
    assert (ledger.lost, ledger.unexpected, ledger.redelivered, ledger.duplicates) == (0, 0, 0, 0)
    assert await streams(broker) == [f"DEAD-{ledger.run}", f"RESULTS-{ledger.run}", "RUNS"]


async def test_the_queue_is_bounded_and_the_wait_is_told(broker: Broker) -> None:
    """The broker never holds more than --queue-size, waiting or in hand, while a worker does nothing."""
    outcome, gate, begun = new_outcome(), asyncio.Event(), asyncio.Queue[int]()

    async def work(item: Item) -> Result:
        begun.put_nowait(item.id)
        await gate.wait()
        return reply_to(item)

    async with (
        worker(broker.settings(), work),
        connect(broker.settings(), name="test") as connection,
        requesting(connection) as requests,
        asyncio.TaskGroup() as group,
    ):
        running = group.create_task(run_items(broker.settings(), 200, outcome=outcome, queue_size=20, run="full"))
        for _ in range(16):
            await begun.get()
        api = Api(requests)
        while (held := (await api.stream_state(jobs_of("full"))).messages) < 20:
            assert not running.done()
        assert held == 20
        assert len(outcome.ledger.attempted) <= 21
        gate.set()
    outcome.check(200)
    assert outcome.ledger.wait_s > 0


async def test_a_worker_may_come_late(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The producer says that no worker is there, and waits for one."""
    outcome, said = new_outcome(), asyncio.Queue[str]()
    monkeypatch.setattr(edition, "say", said.put_nowait)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(run_items(broker.settings(), 10, outcome=outcome, quiet=True))
        assert (await said.get()).startswith("no worker asks for jobs yet")
        async with worker(broker.settings()):
            await running
    outcome.check(10)


async def test_a_worker_that_stops_hands_its_jobs_back(broker: Broker) -> None:
    """What it has not begun goes to another worker at once, and not after ack_wait."""
    outcome, first, gate = new_outcome(), asyncio.Event(), asyncio.Event()

    async def held(item: Item) -> Result:
        first.set()
        await gate.wait()
        return reply_to(item)

    async with asyncio.TaskGroup() as group, worker(broker.settings(), held, concurrency=4) as stop:
        running = group.create_task(run_items(broker.settings(), 100, outcome=outcome, queue_size=100))
        await first.wait()
        stop()
        gate.set()
        async with worker(broker.settings(), name="two"):
            await asyncio.wait([running])
    outcome.check(100)
    assert outcome.ledger.workers["one"] >= 1
    assert outcome.ledger.workers["two"] >= 1


async def test_two_runs_at_once_do_not_meet(broker: Broker) -> None:
    """Each run has its own streams, and a worker works at both."""
    outcomes = [new_outcome(), new_outcome()]
    async with worker(broker.settings()), asyncio.TaskGroup() as group:
        for outcome in outcomes:
            group.create_task(run_items(broker.settings(), 200, outcome=outcome, queue_size=50))
    for outcome in outcomes:
        outcome.check(200)


async def test_the_rate_is_kept(broker: Broker) -> None:
    """The producer hands over at most so many a second."""
    outcome = new_outcome()
    async with worker(broker.settings()):
        began = asyncio.get_running_loop().time()
        await run_items(broker.settings(), 60, outcome=outcome, rate=50.0)
        took_s = asyncio.get_running_loop().time() - began
    outcome.check(60)
    assert took_s > 1.0


async def targets(*hosts: str) -> AsyncIterator[Item]:
    for number, host in enumerate(hosts, start=1):
        yield Item(number, host, number)


async def test_a_host_has_never_more_jobs_at_once_than_it_may(broker: Broker) -> None:
    """--per-host over all workers together, and other hosts go on meanwhile."""
    outcome, at_once, most = new_outcome(), dict.fromkeys(("a.test", "b.test", "c.test"), 0), 0

    async def work(item: Item) -> Result:
        nonlocal most
        at_once[item.text] += 1
        most = max(most, at_once[item.text])
        await asyncio.sleep(0)
        at_once[item.text] -= 1
        return Result(item.id, "200 OK", text=item.text)

    items = targets(*(list(at_once) * 60))
    async with worker(broker.settings(), work), worker(broker.settings(), work, name="two"):
        await run_items(broker.settings(), items, outcome=outcome, input="hosts", per_host=2)
    outcome.check(180)
    assert most == 2 or most == 1


async def streams(broker: Broker) -> list[str]:
    """Return the names of the streams at the broker."""
    async with connect(broker.settings(), name="test") as connection, requesting(connection) as requests:
        names = (await Api(requests).ask("STREAM.NAMES")).get("streams")
        return sorted(names) if isinstance(names, list) else []
