"""The producer that has a run: one at a time, also where the network between it and the broker is gone."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.client.pipeline.jetstream import registry
from services.client.pipeline.jetstream.broker.connection import connect
from services.client.pipeline.jetstream.broker.errors import RunRefused
from services.client.pipeline.stages import Item, Result, reply_to
from services.runtime.run import innermost
from tests.client.pipeline.jetstream.brokers import Broker
from tests.client.pipeline.jetstream.links import link
from tests.client.pipeline.jetstream.runs import new_outcome, run_items, until, worker
from tests.client.pipeline.jetstream.test_leftovers import begin

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]
COUNT = 500


async def test_a_run_goes_on_when_the_broker_has_given_up_its_silent_producer(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine is gone: the broker does not know yet, and has its subscription. One line says what is waited for."""
    told, lines = asyncio.Event(), list[str]()

    def tell(line: str) -> None:
        lines.append(line)
        told.set()

    await begin(broker, "mine")
    monkeypatch.setattr(registry, "say", tell)
    outcome = new_outcome()
    async with connect(broker.settings(), name="gone") as gone, worker(broker.settings()):
        number = await gone.subscribe("owner.mine", lambda _: None)
        running = asyncio.ensure_future(run_items(broker.settings(), COUNT, outcome=outcome, run="mine", queue_size=10))
        await until(told, running)
        await gone.unsubscribe(number)
        await running
    assert lines == ["the program that works on run mine does not answer: waiting until the broker has given it up"]
    outcome.check(COUNT)


async def test_a_run_is_refused_whose_producer_stays_silent(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that was suspended: after a bounded wait."""
    monkeypatch.setattr(registry, "SILENT_ASKS", 2)
    await begin(broker, "mine")
    async with connect(broker.settings(), name="suspended") as suspended:
        await suspended.subscribe("owner.mine", lambda _: None)
        with pytest.raises(RunRefused, match="another program works on run mine"):
            await run_items(broker.settings(), COUNT, outcome=new_outcome(), run="mine", queue_size=10)


async def test_a_producer_that_was_away_leaves_its_run_to_the_one_that_went_on(broker: Broker) -> None:
    """It finds so on its next connection, and ends with one line; the other one has every result."""
    first, second = new_outcome(after=COUNT // 4), new_outcome()
    claimed, end = asyncio.Event(), asyncio.Event()

    async def items(begun: asyncio.Event) -> AsyncIterator[Item]:
        begun.set()
        for number in range(1, COUNT + 1):
            yield Item(number, str(number))

    async def work(item: Item) -> Result:
        if item.id > COUNT // 2:
            await end.wait()
        return reply_to(item)

    async with link(broker.port) as between, worker(broker.settings(), work):
        cut_off = broker.settings(port=between.port)
        away = asyncio.ensure_future(run_items(cut_off, items(asyncio.Event()), outcome=first, run="mine", quiet=True))
        await until(first.reached, away)
        between.cut()
        goes_on = asyncio.ensure_future(run_items(broker.settings(), items(claimed), outcome=second, run="mine"))
        await until(claimed, goes_on)
        between.mend()
        with pytest.raises(ExceptionGroup) as raised:
            await away
        end.set()
        await goes_on
    error = innermost(raised.value)
    assert isinstance(error, RunRefused)
    assert str(error) == "another program has gone on with run mine, while this one was away"
    second.check(COUNT)
