"""What is broken in the middle of a run: workers, the broker, the producer, the network, the store. Nothing is lost."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from nats.aio.msg import Msg
from nats.js import api as nats_api

from services.client.pipeline.jetstream import edition
from services.client.pipeline.jetstream.broker.connection import connect
from services.client.pipeline.jetstream.broker.errors import StoreFull
from services.client.pipeline.jetstream.broker.requests import requesting
from services.client.pipeline.jetstream.broker.streams import Api
from services.client.pipeline.stages import Item, Result, numbers, reply_to
from services.runtime.run import innermost
from tests.client.pipeline.jetstream.brokers import PATIENT, QUICK, Broker, running_broker
from tests.client.pipeline.jetstream.links import link
from tests.client.pipeline.jetstream.runs import new_outcome, program, run_items, worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]
COUNT = 2000


async def test_a_worker_is_killed_that_holds_work(broker: Broker) -> None:
    """Its jobs come to another one after ack_wait, and the redeliveries are counted."""
    outcome = new_outcome()
    async with program("worker", broker.settings().url, "holding") as holder, asyncio.TaskGroup() as group:
        running = group.create_task(run_items(broker.settings(), COUNT, outcome=outcome))
        await holder.says("began")
        async with worker(broker.settings(), name="two"):
            holder.process.kill()
            await running
    outcome.check(COUNT)
    assert outcome.ledger.redelivered >= 1


async def test_the_broker_is_killed_and_started_again(broker: Broker) -> None:
    """Producer and workers connect again, and send again what has no answer."""
    outcome = new_outcome(after=COUNT // 4)
    async with worker(broker.settings()), worker(broker.settings(), name="two"), asyncio.TaskGroup() as group:
        running = group.create_task(run_items(broker.settings(), COUNT, outcome=outcome))
        for after in (COUNT // 4, COUNT // 2, 3 * COUNT // 4):
            outcome.after = after
            outcome.reached.clear()
            await outcome.reached.wait()
            await asyncio.to_thread(broker.kill)
            await asyncio.to_thread(broker.start)
        await running
    outcome.check(COUNT)


async def test_a_broker_that_is_away_is_told(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, which says how long it is waited for; and in another when it is back."""
    said: asyncio.Queue[str] = asyncio.Queue()
    monkeypatch.setattr(edition, "say", said.put_nowait)
    outcome = new_outcome(after=COUNT // 4)
    async with worker(broker.settings()), asyncio.TaskGroup() as group:
        running = group.create_task(run_items(broker.settings(), COUNT, outcome=outcome))
        await outcome.reached.wait()
        assert (await said.get()).startswith("run ")
        await asyncio.to_thread(broker.kill)
        assert await said.get() == f"the broker at {broker.settings().url} is away: it is waited for, 20 s at most"
        await asyncio.to_thread(broker.start)
        assert (await said.get()).startswith("the broker is back, after ")
        await running
    outcome.check(COUNT)


async def test_the_producer_is_killed_and_its_run_goes_on(broker: Broker) -> None:
    """What was recorded is not made again, and all of it is written."""
    made: Counter[int] = Counter()

    async def work(item: Item) -> Result:
        made[item.id] += 1
        return reply_to(item)

    outcome = new_outcome()
    async with worker(broker.settings(), work):
        async with program("producer", broker.settings().url, "again", COUNT, 100, PATIENT.ack_wait_s) as producer:
            await producer.says("500")
            producer.process.kill()
        await run_items(broker.settings(PATIENT), COUNT, outcome=outcome, run="again", queue_size=100)
    outcome.check(COUNT)
    assert set(made.values()) == {1}


async def test_a_worker_is_paused_past_ack_wait(broker: Broker) -> None:
    """When it goes on, its results come second, and are refused by their ids."""
    outcome, last, told = new_outcome(after=COUNT - 1), asyncio.Event(), asyncio.Queue[Msg]()

    async def items() -> AsyncIterator[Item]:
        for item in numbers(COUNT):
            if item.id == COUNT:
                await last.wait()
            yield item

    async with (
        connect(broker.settings(), name="test") as connection,
        program("worker", broker.settings().url, "until_continued") as paused,
        asyncio.TaskGroup() as group,
    ):
        await connection.subscribe("again.*", told.put_nowait)
        running = group.create_task(run_items(broker.settings(), items(), outcome=outcome))
        await paused.says("began")
        paused.process.send_signal(signal.SIGSTOP)
        async with worker(broker.settings(), name="two"):
            await outcome.reached.wait()
            paused.process.send_signal(signal.SIGCONT)
            await told.get()
            last.set()
            await running
    outcome.check(COUNT)
    assert outcome.ledger.redelivered >= 1
    assert outcome.ledger.duplicates >= 1


@pytest.mark.parametrize("how", ["cut", "freeze"])
async def test_the_network_breaks_between_worker_and_broker(broker: Broker, how: str) -> None:
    """A connection that is reset, and one that just says nothing; both are made again when the network is mended."""
    outcome = new_outcome(after=COUNT // 4)
    async with link(broker.port) as between:
        settings = broker.settings(port=between.port)
        async with worker(settings), asyncio.TaskGroup() as group:
            running = group.create_task(run_items(broker.settings(), COUNT, outcome=outcome))
            await outcome.reached.wait()
            getattr(between, how)()
            async with worker(broker.settings(), name="two"):
                outcome.after, before = COUNT // 2, outcome.reached
                before.clear()
                await before.wait()
                between.mend()
                await running
    outcome.check(COUNT)


async def test_the_network_breaks_between_producer_and_broker(broker: Broker) -> None:
    """The producer goes on where it was."""
    outcome = new_outcome(after=COUNT // 4)
    async with link(broker.port) as between, worker(broker.settings()), asyncio.TaskGroup() as group:
        running = group.create_task(run_items(broker.settings(port=between.port), COUNT, outcome=outcome))
        for share in (1, 2, 3):
            outcome.after = share * COUNT // 4
            outcome.reached.clear()
            await outcome.reached.wait()
            between.cut()
            between.mend()
        await running
    outcome.check(COUNT)


@pytest.fixture
def full_broker(tmp_path: Path) -> Iterator[Broker]:
    """Run a broker whose store has no room for a run."""
    with running_broker(tmp_path, store_bytes=100_000) as broker:
        yield broker


async def test_the_store_stays_full(full_broker: Broker) -> None:
    """A bounded wait, and exit 1: the run can go on when there is room."""
    outcome = new_outcome()
    async with worker(full_broker.settings()):
        with pytest.raises(ExceptionGroup) as raised:
            await run_items(full_broker.settings(replace(QUICK, gone_s=3.0)), COUNT, outcome=outcome)
    error = innermost(raised.value)
    assert isinstance(error, StoreFull)
    assert error.exit_code == 1
    assert outcome.ledger.unfinished


@pytest.fixture
def small_broker(tmp_path: Path) -> Iterator[Broker]:
    """Run a broker whose store has room for a run, and not for much more."""
    with running_broker(tmp_path, store_bytes=900_000) as broker:
        yield broker


async def test_the_store_is_full_and_has_room_again(small_broker: Broker) -> None:
    """Producer and workers wait, and lose nothing."""
    broker, outcome = small_broker, new_outcome()
    async with (
        connect(broker.settings(), name="test") as connection,
        requesting(connection) as requests,
        worker(broker.settings()),
        asyncio.TaskGroup() as group,
    ):
        api = Api(requests)
        ballast = nats_api.StreamConfig(name="BALLAST", subjects=["ballast"], storage=nats_api.StorageType.FILE)
        await api.make_stream(ballast)
        for _ in range(13):
            await requests.ask("ballast", b"x" * 60_000)
        running = group.create_task(run_items(broker.settings(), COUNT, outcome=outcome))
        while b"insufficient" not in (await requests.ask("ballast", b"x" * 1000)).data:
            assert not running.done()
        await api.delete_stream("BALLAST")
        await running
    outcome.check(COUNT)
