"""What is wrong with one job or message: it is given up with its reason, and the rest completes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from services.client.pipeline.jetstream.broker.connection import connect
from services.client.pipeline.jetstream.broker.requests import requesting
from services.client.pipeline.stages import Item, Result, reply_to
from tests.client.pipeline.jetstream.brokers import PATIENT, QUICK, Broker, running_broker
from tests.client.pipeline.jetstream.runs import new_outcome, program, run_items, worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


async def test_a_job_that_always_fails_is_given_up(broker: Broker) -> None:
    """With its reason, after so many deliveries; the rest completes."""
    tried = []

    async def work(item: Item) -> Result:
        if item.id == 7:
            tried.append(item.id)
            raise ValueError("no such thing")
        return reply_to(item)

    outcome = new_outcome()
    async with worker(broker.settings(), work):
        await run_items(broker.settings(PATIENT), 200, outcome=outcome)
    ledger = outcome.ledger
    assert (list(ledger.dead), len(ledger.recorded), ledger.lost) == ([7], 199, 0)
    assert ledger.reasons == {7: "ValueError: no such thing"}
    assert len(tried) == QUICK.max_deliveries
    assert ledger.redelivered == QUICK.max_deliveries - 1


async def test_a_job_that_ends_its_workers_is_given_up_alone(broker: Broker) -> None:
    """The jobs that its workers held besides are not: only its own starts are counted."""
    outcome = new_outcome()

    async def workers_one_after_another() -> None:
        while True:
            async with program("worker", broker.settings().url, "poisoned") as victim:
                await victim.process.wait()

    running = asyncio.ensure_future(run_items(broker.settings(), 400, outcome=outcome, queue_size=50))
    replacing = asyncio.ensure_future(workers_one_after_another())
    try:
        await running
    finally:
        replacing.cancel()
        await asyncio.wait([replacing])
    ledger = outcome.ledger
    assert (list(ledger.dead), len(ledger.recorded), ledger.lost) == ([7], 399, 0)
    assert "ended without a result" in ledger.reasons[7]


@pytest.fixture
def small_broker(tmp_path: Path) -> Iterator[Broker]:
    """Run a broker that takes only small messages."""
    with running_broker(tmp_path, max_payload=8192) as broker:
        yield broker


async def test_a_job_that_is_too_large(small_broker: Broker) -> None:
    """Given up before it is sent; the others have their results."""

    async def items() -> AsyncIterator[Item]:
        for number in range(1, 11):
            yield Item(number, "x" * (9000 if number == 3 else 10))

    outcome = new_outcome()
    async with worker(small_broker.settings()):
        await run_items(small_broker.settings(), items(), outcome=outcome)
    assert (list(outcome.ledger.dead), len(outcome.ledger.recorded)) == ([3], 9)
    assert "larger than" in outcome.ledger.reasons[3]


async def test_a_result_that_is_too_large(small_broker: Broker) -> None:
    """Given up by its worker; the others have their results."""

    async def work(item: Item) -> Result:
        return Result(item.id, "200 OK", record=b"x" * (9000 if item.id == 3 else 10))

    outcome = new_outcome()
    async with worker(small_broker.settings(), work):
        await run_items(small_broker.settings(), 10, outcome=outcome)
    assert (list(outcome.ledger.dead), len(outcome.ledger.recorded)) == ([3], 9)
    assert "larger than" in outcome.ledger.reasons[3]


@pytest.mark.parametrize(
    ("subject", "payload", "unexpected", "dead"),
    [
        ("results.forged.3", b"\xff{", 0, [3]),
        ("results.forged.3", b'[4, "200 OK", true, "", "w", 1]', 0, [3]),
        ("results.forged.3", b"[" * 100_000, 0, [3]),
        ("results.forged.99", b'[99, "200 OK", true, "", "w", 1]', 1, []),
        ("results.forged.x", b"", 1, []),
        ("dead.forged.3", b"[]", 0, [3]),
    ],
    ids=["no JSON", "another id", "deep", "not asked for", "no id", "no reason"],
)
async def test_messages_that_are_not_of_the_run(
    broker: Broker, subject: str, payload: bytes, unexpected: int, dead: list[int]
) -> None:
    """A result that cannot be read is given up by its id; one of an id that nothing asked for is unexpected."""
    outcome, begun, gate = new_outcome(), asyncio.Event(), asyncio.Event()

    async def work(item: Item) -> Result:
        if item.id == 3:
            begun.set()
            await gate.wait()
        return reply_to(item)

    async with (
        worker(broker.settings(), work),
        connect(broker.settings(), name="test") as connection,
        requesting(connection) as requests,
        asyncio.TaskGroup() as group,
    ):
        running = group.create_task(run_items(broker.settings(), 4, outcome=outcome, run="forged"))
        await begun.wait()
        answer = await requests.ask(subject, payload)
        assert b"error" not in answer.data
        if not dead:
            gate.set()  # else the worker's own result might come first
        await running
    assert outcome.ledger.unexpected == unexpected
    assert list(outcome.ledger.dead) == dead


async def test_a_job_that_cannot_be_read_ends_no_worker(broker: Broker) -> None:
    """It is given up with its reason, and the worker goes on."""
    outcome, begun, gate, given_up = new_outcome(), asyncio.Event(), asyncio.Event(), asyncio.Queue[Msg]()

    async def work(item: Item) -> Result:
        begun.set()
        await gate.wait()
        return reply_to(item)

    async with (
        worker(broker.settings(), work),
        connect(broker.settings(), name="test") as connection,
        requesting(connection) as requests,
        asyncio.TaskGroup() as group,
    ):
        await connection.subscribe("dead.strange.*", given_up.put_nowait)
        running = group.create_task(run_items(broker.settings(), 4, outcome=outcome, run="strange"))
        await begun.wait()
        await requests.ask("jobs.strange.0.77", b"no job")
        assert b"cannot be read" in (await given_up.get()).data
        gate.set()
        await running
    outcome.check(4)
