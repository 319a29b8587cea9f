"""The edition `jetstream`: items become jobs at a broker, workers anywhere make results of them, and none is lost.

The run ends when each job has its result, or a reason why not. If a job is gone from its queue without either, it is
lost, and the ledger says so: a worker must have acknowledged it before its result was safe.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

from nats.aio.msg import Msg

from services.client.pipeline.edition import Edition, Emit, WorkOf
from services.client.pipeline.id_ranges import IdRanges
from services.client.pipeline.items import Items
from services.client.pipeline.jetstream.broker.connection import Connection, connect
from services.client.pipeline.jetstream.broker.errors import StoreFull, broker_of
from services.client.pipeline.jetstream.broker.publisher import publishing
from services.client.pipeline.jetstream.broker.requests import requesting
from services.client.pipeline.jetstream.broker.streams import Api, Refused, consumer_of, dead_of, jobs_of, results_of
from services.client.pipeline.jetstream.collector import Collector
from services.client.pipeline.jetstream.leftovers import sweep, tell_unfinished
from services.client.pipeline.jetstream.producer import Producer
from services.client.pipeline.jetstream.reader import Reader
from services.client.pipeline.jetstream.registry import Registry
from services.client.pipeline.jetstream.run import Run, make_run
from services.client.pipeline.jetstream.tracing.teller import subject_of
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import Options
from services.client.pipeline.stages import Item
from services.client.settings import ClientSettings
from services.runtime.tasks import set_within
from services.runtime.terminal import printable, say

if TYPE_CHECKING:  # of a run that is not traced, nothing of this is imported
    from services.client.pipeline.jetstream.tracing.job_trace import JobTrace
    from services.client.trace.chrome.feed import Feed
    from services.client.trace.recorder import Recorder

STUCK_WORD_S = 10.0  # a worker says each second that the broker stores nothing; older words do not count
QUIET_S = 1.0  # without a result: then the broker is asked whether there are jobs left, and workers


async def run(
    items: AsyncIterator[Item],
    work_of: WorkOf,
    emit: Emit,
    *,
    ledger: Ledger,
    options: Options,
    settings: ClientSettings,
    trace: "JobTrace | None" = None,
) -> None:
    """Hand the items to workers and emit their results, as `services.client.pipeline.edition` says.

    `trace`: takes what workers tell of their jobs; None where the run is not traced.

    Raises NoBroker, BrokerAbsent, BrokerRefuses, RunRefused; in a group, BrokerLost, BrokerSilent, StoreFull and
    StreamGone.
    """
    broker = broker_of(settings)
    asked = make_run(options, broker, traced=trace is not None)
    async with (
        connect(broker, name=f"pipeline {asked.id}", tell=None if options.quiet else say) as connection,
        requesting(connection) as requests,
        publishing(requests) as publisher,
    ):
        registry, api = Registry(requests), Api(requests)
        tell_unfinished(await sweep(registry, asked.id))
        async with registry.claimed(asked) as (claimed, goes_on):
            ledger.run = claimed.id
            tell_begin(claimed, options, goes_on=goes_on, is_kept=broker.keeps_runs)
            stuck = Stuck(broker.tuning.gone_s)
            await subscribe(connection, claimed.id, ledger, stuck, trace)
            ledger.noted = finished = IdRanges()
            rate = options.rate
            producer = Producer(connection, publisher, claimed, ledger, rate=rate, finished=finished, trace=trace)
            collector = Collector(producer, ledger, emit, finished, goes_on=goes_on)
            await Halves(connection, api, claimed, producer, collector, stuck).run(items, ledger)
            if trace:
                await trace.last_words()
            await (registry.finish(claimed) if broker.keeps_runs else registry.remove(claimed.id))


def recorded(recorder: "Recorder", feeds: "list[Feed]") -> Edition:
    """Return this edition, recorded. `feeds`: gets what workers tell of their jobs."""
    from services.client.pipeline.jetstream.tracing.job_trace import JobTrace

    async def traced(
        items: Items, work_of: WorkOf, emit: Emit, *, ledger: Ledger, options: Options, settings: ClientSettings
    ) -> None:
        async def whole() -> None:
            trace = JobTrace(recorder)
            feeds.append(trace.lanes)
            try:
                await run(items, work_of, emit, ledger=ledger, options=options, settings=settings, trace=trace)
            finally:
                trace.lanes.finish()

        await recorder.record(whole(), name="pipeline")

    return traced


class Stuck:
    """What workers say of a broker that stores none of their results. `limit_s`: how long a run bears that."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._since_s, self._said_s, self._reason = 0.0, 0.0, ""

    def note(self, message: Msg) -> None:
        """Take what a worker says."""
        self._said_s, self._reason = time.monotonic(), printable(message.data.decode("utf-8", "replace"))
        self._since_s = self._since_s or self._said_s

    def forget(self) -> None:
        """Note that there is a result: another worker's, or the broker has room again."""
        self._since_s = 0.0

    def check(self) -> None:
        """Raise StoreFull where workers have said so for too long, and still do."""
        if self._since_s and time.monotonic() - self._said_s > STUCK_WORD_S:
            self._since_s = 0.0
        if self._since_s and time.monotonic() - self._since_s > self._limit_s:
            raise StoreFull(self._limit_s, self._reason)


class Halves:
    """The two halves of a run, the producer's and the collector's, and its end."""

    def __init__(
        self, connection: Connection, api: Api, run: Run, producer: Producer, collector: Collector, stuck: Stuck
    ) -> None:
        self._connection, self._api, self._run = connection, api, run
        self._producer, self._collector, self._stuck = producer, collector, stuck
        self._results = Reader(connection, api, results_of(run.id))
        self._dead = Reader(connection, api, dead_of(run.id))
        self._has_told = False

    async def run(self, items: AsyncIterator[Item], ledger: Ledger) -> None:
        """Return when every job has its result or a reason why not, or is lost."""
        async with asyncio.TaskGroup() as group:
            reading = [
                group.create_task(self._results.read(self._collector.take_result)),
                group.create_task(self._dead.read(self._collector.take_dead)),
            ]
            await self._catch_up()
            producing = group.create_task(self._producer.produce(items), name="producer")
            await self._until_settled()
            await producing
            for task in reading:
                task.cancel()
        await self._count_redeliveries(ledger)

    async def _catch_up(self) -> None:
        """Wait until all that the broker has by now is read."""
        results, dead = [await self._api.stream_state(stream(self._run.id)) for stream in (results_of, dead_of)]
        await self._results.reach(results.last_seq)
        await self._dead.reach(dead.last_seq)

    async def _until_settled(self) -> None:
        while not (self._producer.is_done and not self._producer.open_jobs):
            seen = self._results.seq, self._dead.seq
            await set_within(self._producer.settled, QUIET_S)
            if seen != (self._results.seq, self._dead.seq):
                self._stuck.forget()
                continue
            self._stuck.check()
            if self._producer.is_done and await self._has_no_jobs():
                await self._catch_up()
                break
            await self._tell_if_alone()
        await self._take_noted()

    async def _take_noted(self) -> None:
        """In a run that goes on, take the results that were there before their items were read."""
        if not self._collector.has_noted:
            return
        again = Reader(self._connection, self._api, results_of(self._run.id))
        last = self._results.seq
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(again.read(self._collector.take_noted))
            await again.reach(last)
            reading.cancel()

    async def _has_no_jobs(self) -> bool:
        return (await self._api.stream_state(jobs_of(self._run.id))).messages == 0

    async def _tell_if_alone(self) -> None:
        """Say once that no worker asks for jobs."""
        if self._has_told:
            return
        with suppress(Refused):
            states = [
                await self._api.consumer_state(jobs_of(self._run.id), consumer_of(partition))
                for partition in range(min(self._run.partitions, 1))
            ]
            if any(state.waiting or state.unacknowledged for state in states):
                return
        self._has_told = True
        say("no worker asks for jobs yet: docker compose up -d --scale worker=2, or `client worker`")

    async def _count_redeliveries(self, ledger: Ledger) -> None:
        """Count deliveries beyond the first; the broker knows of some that no result tells."""
        deliveries = 0
        with suppress(Refused):
            for partition in range(self._run.partitions):
                deliveries += (await self._api.consumer_state(jobs_of(self._run.id), consumer_of(partition))).deliveries
        jobs = (await self._api.stream_state(jobs_of(self._run.id))).last_seq
        ledger.redelivered = max(ledger.redelivered, deliveries - jobs)


def tell_begin(run: Run, options: Options, *, goes_on: bool, is_kept: bool) -> None:
    """Say which run this is, where it can go on; and in any case that there is nothing of one that was to go on."""
    if options.run is not None and not goes_on:
        say(f"run {run.id} is new: nothing of it is at the broker")
    if is_kept and not options.quiet:
        what = " is finished: its results again" if run.finished else f": to go on with it, --run {run.id}"
        say(f"run {run.id}{what}")


async def subscribe(connection: Connection, run: str, ledger: Ledger, stuck: Stuck, trace: "JobTrace | None") -> None:
    """Subscribe to what workers say of a run: results that came again, a broker that is full, and their jobs."""
    await connection.subscribe(f"again.{run}", lambda _: note_duplicate(ledger))
    await connection.subscribe(f"stuck.{run}", stuck.note)
    if trace:
        await connection.subscribe(subject_of(run), trace.note)


def note_duplicate(ledger: Ledger) -> None:
    """Count a result that the broker had already: it was refused there."""
    ledger.duplicates += 1
