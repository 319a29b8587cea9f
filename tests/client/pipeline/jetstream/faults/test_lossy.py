"""A worker that acknowledges before its work is done: the ledger has to find out that jobs are lost."""

import asyncio
from typing import ClassVar

import pytest

from services.client.pipeline.jetstream.broker.connection import Connection
from services.client.pipeline.jetstream.worker.job import ACK, Hand, Job
from services.client.pipeline.runs.outcome import exit_code
from services.client.pipeline.stages import Item, Result, reply_to
from tests.client.pipeline.jetstream.brokers import Broker
from tests.client.pipeline.jetstream.runs import new_outcome, run_items, worker

pytestmark = pytest.mark.anyio
COUNT = 300


class LossyHand(Hand):
    """Acknowledges a job as soon as it is in hand. A test double: this is the order that loses jobs."""

    acknowledging: ClassVar[list["asyncio.Future[bool]"]]
    connection: ClassVar[Connection]

    def take(self, job: Job) -> bool:
        is_new = super().take(job)
        LossyHand.connection = self._connection
        self.acknowledging.append(asyncio.ensure_future(self._connection.publish(job.reply, ACK)))
        return is_new


async def test_jobs_that_a_lossy_worker_forgets_are_lost(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends in the middle of its work: lost is above 0, by so many as it held, and the exit code is 1."""
    outcome, begun = new_outcome(), asyncio.Event()
    LossyHand.acknowledging = []

    async def held(item: Item) -> Result:
        if item.id % 10:
            return reply_to(item)
        begun.set()
        await asyncio.Event().wait()
        return reply_to(item)

    async with asyncio.TaskGroup() as group:
        with monkeypatch.context() as lossy:
            lossy.setattr("services.client.pipeline.jetstream.worker.run_worker.Hand", LossyHand)
            async with worker(broker.settings(), held):
                running = group.create_task(run_items(broker.settings(), COUNT, outcome=outcome))
                await begun.wait()
                await asyncio.gather(*LossyHand.acknowledging)
                await LossyHand.connection.flush(10)
        async with worker(broker.settings(), name="two"):
            await running
    assert outcome.ledger.lost > 0
    assert not outcome.ledger.is_sound
    assert exit_code(outcome.ledger, stopped=False) == 1
