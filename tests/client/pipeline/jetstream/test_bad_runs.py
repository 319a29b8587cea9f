"""Runs that are not to be worked on: one line says so, and other runs go on."""

import asyncio
import json
import re

import pytest

from services.client.pipeline.jetstream.broker.connection import connect
from services.client.pipeline.jetstream.broker.errors import (
    RunRefused,
)
from services.client.pipeline.jetstream.broker.requests import requesting
from services.client.pipeline.jetstream.broker.streams import Api, registry_stream, run_streams
from services.client.pipeline.jetstream.run import decode_run, make_run
from services.client.pipeline.jetstream.worker.serve import serve
from services.client.pipeline.options import Options
from services.client.settings import ClientSettings
from tests.client.pipeline.jetstream.brokers import Broker
from tests.client.pipeline.jetstream.runs import error_of, new_outcome, program, run_items, worker
from tests.client.pipeline.jetstream.test_edition import streams

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


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
    assert await asyncio.wait([working], timeout=50) == ({working}, set())


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
