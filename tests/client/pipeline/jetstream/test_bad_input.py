"""What is wrong with one job or one run: one line, the documented exit code, and the rest completes."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from services.client.pipeline.jetstream.broker.connection import Connection, connect
from services.client.pipeline.jetstream.broker.errors import (
    RunRefused,
)
from services.client.pipeline.jetstream.broker.requests import requesting
from services.client.pipeline.jetstream.broker.streams import Api, registry_stream, run_streams
from services.client.pipeline.jetstream.run import decode_run, make_run
from services.client.pipeline.jetstream.worker.serve import serve
from services.client.pipeline.options import Options
from services.client.pipeline.stages import Item, Result, reply_to
from services.client.settings import ClientSettings
from tests.client.pipeline.jetstream.brokers import QUICK, Broker, running_broker
from tests.client.pipeline.jetstream.runs import error_of, new_outcome, program, run_items, worker
from tests.client.pipeline.jetstream.test_edition import streams

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
        await run_items(broker.settings(), 200, outcome=outcome)
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


Forge = Callable[[Connection], Awaitable[object]]


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


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "another"},
        {"partitions": "x"},
        {"partitions": 10**9},
        {"batch": -1},
        {"finished": "no"},
        {"ack_wait_s": float("nan")},
        {"fetch": {"targets": [], "rate": "x"}},
        {"fetch": {"targets": [], "header": [1]}},
    ],
    ids=str,
)
async def test_a_run_that_cannot_be_ends_no_worker(
    broker: Broker, wrong: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is left alone in one line, and the worker works at the others."""
    entry = json.loads(make_run(Options(edition="jetstream", items=5), broker.settings()).encode())
    outcome = new_outcome()
    async with connect(broker.settings(), name="test") as connection, requesting(connection) as requests:
        await Api(requests).make_stream(registry_stream())
        for config in run_streams("wrong", 5):
            await Api(requests).make_stream(config)
        await requests.ask("runs.wrong", json.dumps(entry | {"id": "wrong"} | wrong).encode())
    async with worker(broker.settings()):
        await run_items(broker.settings(), 5, outcome=outcome)
    outcome.check(5)
    assert "run wrong is left to other workers" in capsys.readouterr().err


@pytest.mark.parametrize("options", [{"items": 5}, {"input": "x", "per_host": 3, "header": ["a: b"]}], ids=str)
def test_a_run_can_be_read_again(broker: Broker, options: dict[str, object]) -> None:
    """What a producer writes, a worker reads."""
    run = make_run(Options(edition="jetstream", **options), broker.settings())  # type: ignore[arg-type]
    assert decode_run(run.encode()) == run


@pytest.mark.parametrize("after_s", [0.0005 * step for step in range(40)])
async def test_a_worker_that_is_cancelled_while_it_connects_ends(broker: Broker, after_s: float) -> None:
    """Python 3.11's `wait_for`, by which nats-py waits, drops a cancellation that comes together with its result."""
    working = asyncio.ensure_future(
        serve(ClientSettings(broker=broker.settings()), asyncio.Event(), concurrency=1, name="x")
    )
    await asyncio.sleep(after_s)
    working.cancel()
    assert await asyncio.wait([working], timeout=5) == ({working}, set())


async def test_two_producers_of_one_run(broker: Broker) -> None:
    """The second is refused while the first lives, and goes on with the run when it does not."""
    async with program("producer", broker.settings().url, "mine", 50, 10) as first:
        async with worker(broker.settings()):
            await first.says("")
        error = await error_of(run_items(broker.settings(), 50, outcome=new_outcome(), run="mine", queue_size=10))
        assert isinstance(error, RunRefused)
        assert "another program works on run mine" in str(error)


async def test_a_run_goes_on_only_as_it_was_begun(broker: Broker) -> None:
    """Other items under the same ids would give wrong results."""
    async with program("producer", broker.settings().url, "old", 50, 10) as first:
        async with worker(broker.settings()):
            await first.says("")
        first.process.kill()
        await first.process.wait()
    error = await error_of(run_items(broker.settings(), 60, outcome=new_outcome(), run="old"))
    assert isinstance(error, RunRefused)
    assert str(error) == "run old was begun with -n 50: ask for the same input"


async def test_leftovers_of_another_run_are_told_and_kept(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    """One line; the new run has its own streams."""
    async with program("producer", broker.settings().url, "left", 500, 10) as first:
        async with worker(broker.settings()):
            await first.says("")
        first.process.kill()
        await first.process.wait()
    outcome = new_outcome()
    async with worker(broker.settings()):
        await run_items(broker.settings(), 50, outcome=outcome)
    outcome.check(50)
    said = (
        r"unfinished runs at the broker: left \(-n 500, \d+ s ago\); --run ID goes on with one, --forget ID removes it"
    )
    assert any(re.fullmatch(said, line) for line in capsys.readouterr().err.splitlines())
    assert "RESULTS-left" in await streams(broker)
