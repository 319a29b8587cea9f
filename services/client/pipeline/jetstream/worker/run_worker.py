"""A worker's part in one run: takes jobs in batches, works at several at once, and says meanwhile that it does.

A job that was delivered more than twice may be one that ends its workers. Such jobs are worked at one after another,
and each start is noted: a job whose starts are as many as it may have is given up, and those that were only in the
hands of the same worker are not.
"""

import asyncio
from contextlib import suppress

from nats.js.api import ConsumerConfig

from services.client.pipeline.edition import WorkOf
from services.client.pipeline.jetstream.broker.connection import Connection
from services.client.pipeline.jetstream.broker.errors import StreamGone
from services.client.pipeline.jetstream.broker.publisher import Publisher
from services.client.pipeline.jetstream.broker.pull import Pull
from services.client.pipeline.jetstream.broker.requests import Requests
from services.client.pipeline.jetstream.broker.streams import Api, Refused, consumer_of, job_consumer, jobs_of
from services.client.pipeline.jetstream.messages import Undecodable, decode_job, delivery_of, id_of
from services.client.pipeline.jetstream.run import Run
from services.client.pipeline.jetstream.tracing.teller import JobTeller
from services.client.pipeline.jetstream.worker.job import Hand, Job
from services.client.pipeline.stages import Work
from services.client.trace.model import Outcome
from services.runtime.tasks import set_within

PROGRESS_SHARE = 3  # of ack_wait: how often the jobs in hand are kept
FIRST_DELAY_S = 0.1  # before a job whose work failed is delivered again; twice as long each time
REFUSED_S = 1.0  # until a consumer that the broker does not make is asked for again
GRACE_S = 5.0  # for the work in progress, at a stop: Compose gives ten


class RunWorker:
    """A worker's part in one run.

    Arguments:
        name: of the worker, in the ledger.
        concurrency: how many jobs it works at, at once.
        work_of: gives each of its consumers the work.
    """

    def __init__(
        self, connection: Connection, requests: Requests, publisher: Publisher, run: Run, *, name: str, concurrency: int
    ) -> None:
        self._connection, self._api, self._run = connection, Api(requests), run
        self._name, self._concurrency = name, concurrency
        self._hand = Hand(connection, requests, publisher, run)
        self._ready: asyncio.Queue[Job] = asyncio.Queue()
        self._suspects: asyncio.Queue[Job] = asyncio.Queue()
        self._pulls = [self._pull(partition) for partition in range(run.partitions)]
        self._teller = JobTeller(connection, run.id, worker=name)
        self._teller.is_on = run.traced
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Take no more jobs, and end when those in hand are done or handed back."""
        self._stopping.set()

    def trace(self, *, is_on: bool) -> None:
        """Tell the producer of each job from now on, or no longer: another program may go on with a run."""
        self._teller.is_on = is_on

    async def work(self, work_of: WorkOf) -> None:
        """Work until the run is over, or until `stop`."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._consume(work_of())) for _ in range(self._concurrency)]
                tasks.append(group.create_task(self._consume_suspects(work_of())))
                tasks += [group.create_task(self._keep()), group.create_task(self._teller.keep_telling())]
                pulling = [group.create_task(each.keep()) for each in self._pulls]
                pulling += [group.create_task(self._sort(each)) for each in self._pulls]
                await self._stopping.wait()
                for task in pulling:
                    task.cancel()
                await self._finish()
                if self._teller.is_on:
                    await self._teller.tell()
                for task in tasks:
                    task.cancel()
        except* StreamGone:
            pass  # the producer has ended the run

    def _pull(self, partition: int) -> Pull:
        run = self._run
        config = job_consumer(run.id, partition, ack_wait_s=run.ack_wait_s, at_once=run.at_once)

        async def bind() -> None:
            while True:
                if await self._bind(config):
                    return
                await asyncio.sleep(REFUSED_S)

        return Pull(
            self._connection,
            stream=jobs_of(run.id),
            consumer=consumer_of(partition),
            room=self._room,
            batch=min(run.batch, run.per_host or run.batch),
            bind=bind,
        )

    async def _bind(self, config: ConsumerConfig) -> bool:
        """Make a consumer where it is not there; tell the producer where the broker refuses, as with a full disk."""
        try:
            await self._api.make_consumer(jobs_of(self._run.id), config)
        except Refused as refused:
            await self._connection.publish(f"stuck.{self._run.id}", refused.text.encode())
            return False
        return True

    def _room(self) -> int:
        """How many jobs may be asked for: as many as are worked at, and a batch ahead."""
        if self._run.partitions > 1:
            return self._run.per_host  # what a partition may have bounds it
        return self._concurrency + 2 * self._run.batch - len(self._hand)

    async def _sort(self, pull: Pull) -> None:
        """Take what comes: a job is ready, or has to be worked at alone, or is none."""
        while True:
            message = await pull.messages.get()
            try:
                deliveries = delivery_of(message.reply).deliveries
            except Undecodable:
                continue  # the broker has not sent it
            try:
                job = Job(decode_job(message.data), deliveries, message.reply)
                if job.item.id != id_of(message.subject):
                    raise Undecodable("it has another id than its subject")
            except Undecodable as error:
                await self._hand.refuse(message, id_of(message.subject) or 0, f"the job cannot be read: {error}")
                continue
            if self._hand.take(job):
                (self._suspects if deliveries > self._run.isolated_above else self._ready).put_nowait(job)

    async def _consume(self, work: Work) -> None:
        while True:
            job = await self._ready.get()
            if self._stopping.is_set():
                await self._hand.hand_back(job)
                continue
            job.began = True
            await self._do(job, work)

    async def _consume_suspects(self, work: Work) -> None:
        """Work at one job after another; each is out of hand before the next begins, which may end this process."""
        while True:
            job = await self._suspects.get()
            if self._stopping.is_set():
                await self._hand.hand_back(job)
                continue
            job.began = True
            if await self._hand.note_start(job):
                await self._do(job, work)
            else:
                await self._hand.give_up(job, "each worker that worked at it ended without a result")
            await job.out.wait()

    async def _do(self, job: Job, work: Work) -> None:
        began = self._teller.began(job.item.id, job.deliveries) if self._teller.is_on else None
        try:
            result = await work(job.item)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".strip(": ")
            if began:
                self._teller.ended(began, Outcome.RAISED, reason, ok=False)
            if job.deliveries >= self._run.max_deliveries:
                await self._hand.give_up(job, reason)
            else:
                await self._hand.hand_back(job, FIRST_DELAY_S * 2 ** (job.deliveries - 1))
        else:
            if began:
                self._teller.ended(began, Outcome.RETURNED, result.reply, ok=result.ok)
            await self._hand.record(job, result, self._name)

    async def _keep(self) -> None:
        """Keep the jobs in hand, and ask for more whenever one is out of hand."""
        period_s = self._run.ack_wait_s / PROGRESS_SHARE
        loop = asyncio.get_running_loop()
        due_s = loop.time() + period_s
        while True:
            await set_within(self._hand.emptier, due_s - loop.time())
            self._hand.emptier.clear()
            if loop.time() >= due_s:
                await self._hand.keep_all()
                due_s = loop.time() + period_s
            for pull in self._pulls:
                pull.more()

    async def _finish(self) -> None:
        """Let the work in progress end within its grace, and hand the rest back."""
        for job in self._hand:
            if not job.began:
                await self._hand.hand_back(job)
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                while len(self._hand):
                    self._hand.emptier.clear()
                    await self._hand.emptier.wait()
        for job in self._hand:
            if not job.settled:
                await self._hand.hand_back(job)
