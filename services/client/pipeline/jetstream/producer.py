"""The producer's half of a run: items become jobs, as many as the queue may hold, and not faster than --rate."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from services.client.pipeline.id_ranges import IdRanges
from services.client.pipeline.jetstream.broker.connection import Connection
from services.client.pipeline.jetstream.broker.errors import StoreFull, StreamGone
from services.client.pipeline.jetstream.broker.publisher import Outcome, Publisher
from services.client.pipeline.jetstream.broker.streams import jobs_of
from services.client.pipeline.jetstream.messages import encode_job, partition_of
from services.client.pipeline.jetstream.run import Run
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.stages import Item
from services.runtime.tasks import set_within

if TYPE_CHECKING:
    from services.client.pipeline.jetstream.tracing.job_trace import JobTrace

LOOK_S = 0.25
CATCH_UP_S = 0.05  # after a pause of this process, only the jobs of this time are made up for
HEADER_BYTES = 1024  # what the broker counts besides the payload, at most


class Producer:
    """Hands items over to the broker.

    Arguments:
        rate: how many a second at most, over all workers; 0 is no limit.
        finished: ids whose results the broker has from an earlier program, or why there is none; they are not made
            again.
        trace: is told of each job, if the run is traced.
    """

    def __init__(
        self,
        connection: Connection,
        publisher: Publisher,
        run: Run,
        ledger: Ledger,
        *,
        rate: float,
        finished: IdRanges,
        trace: "JobTrace | None" = None,
    ) -> None:
        self._connection, self._publisher, self._run, self._ledger = connection, publisher, run, ledger
        self._rate, self._finished, self._trace = rate, finished, trace
        # With a rate, at most one second's jobs are open: so a burst of workers that start late cannot break it much.
        self._most_open = min(run.queue_size, max(1, int(rate))) if rate else run.queue_size
        self._open = IdRanges()
        self._unsent = 0  # jobs on their way to the broker
        self._fault: Exception | None = None
        self._changed = asyncio.Event()
        self._next_s = 0.0
        self.has_all = False
        self.settled = asyncio.Event()  # all is handed over, and no job is open

    @property
    def is_done(self) -> bool:
        """Whether every item was handed over, and the broker has said so of each."""
        return self.has_all and not self._unsent

    @property
    def open_jobs(self) -> int:
        """How many jobs are handed over and have neither a result nor a reason why not."""
        return len(self._open)

    def close(self, number: int) -> None:
        """Note that a job has its result, or a reason why not."""
        if self._open.discard(number):
            if self._trace:
                self._trace.closed(len(self._open))
            self._note_change()

    async def produce(self, items: AsyncIterator[Item]) -> None:
        """Hand all items over, and wait until the broker has each. Raises StoreFull, StreamGone."""
        async for item in items:
            self._ledger.attempt(item.id)
            if item.id in self._finished:
                self._ledger.acknowledge(item.id)
                continue
            payload = encode_job(item)
            if len(payload) + HEADER_BYTES > self._connection.max_payload:
                most = self._connection.max_payload - HEADER_BYTES
                self._ledger.give_up(item.id, f"its job of {len(payload):,} bytes is larger than {most:,}")
                continue
            await self._room()
            await self._pace()
            await self._put(item, payload)
        self.has_all = True
        self._note_change()
        while self._unsent:
            await self._wait()

    async def _put(self, item: Item, payload: bytes) -> None:
        async def then(outcome: Outcome) -> None:
            self._unsent -= 1
            if outcome is Outcome.NO_STREAM:
                self._fault = StreamGone(jobs_of(self._run.id))
            else:
                self._ledger.acknowledge(item.id)
            self._note_change()

        self._open.add(item.id)
        if self._trace:
            self._trace.put(item.id, len(self._open))
        self._unsent += 1
        name = f"{self._run.id}.{item.id}"
        subject = f"jobs.{self._run.id}.{partition_of(item.text, self._run.partitions)}.{item.id}"
        await self._publisher.put(subject, payload, message_id=name, then=then)

    async def _room(self) -> None:
        """Wait until one more job may be open, and the broker takes what it was sent; note how long that took."""
        if not self._is_full():
            return
        began = time.monotonic()
        while self._is_full():
            await self._wait()
        self._ledger.wait_s += time.monotonic() - began

    def _is_full(self) -> bool:
        return len(self._open) >= self._most_open or bool(self._publisher.refused)

    async def _wait(self) -> None:
        """Wait for a change. Raises what ends the run."""
        self._changed.clear()
        await set_within(self._changed, LOOK_S)
        if self._fault is not None:
            raise self._fault
        limit_s = self._connection.settings.tuning.gone_s
        if self._publisher.silent_s > limit_s:
            raise StoreFull(limit_s, self._publisher.reason)

    def _note_change(self) -> None:
        self._changed.set()
        if self.is_done and not self._open:
            self.settled.set()

    async def _pace(self) -> None:
        if not self._rate:
            return
        now = time.monotonic()
        self._next_s = max(self._next_s, now - CATCH_UP_S)
        if self._next_s > now:
            await asyncio.sleep(self._next_s - now)
        self._next_s += 1 / self._rate
