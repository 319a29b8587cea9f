"""Large results: they come in requests that are bounded by bytes, too."""

import pytest

from services.client.pipeline.stages import Item, Result
from tests.client.pipeline.jetstream.brokers import Broker
from tests.client.pipeline.jetstream.runs import new_outcome, run_items, worker

pytestmark = pytest.mark.anyio


async def test_results_of_many_bytes(broker: Broker) -> None:
    """More than one request may have at a time; each comes once."""

    async def work(item: Item) -> Result:
        return Result(item.id, "200 OK", record=b"x" * 900_000)

    outcome = new_outcome()
    async with worker(broker.settings(), work):
        await run_items(broker.settings(), 60, outcome=outcome)
    outcome.check(60)
