"""What happens to one job in the hands of a worker: the order of messages that makes it safe.

1. The work is done, and its result published, with the job's id.
2. When the broker says that it has the result, the job is acknowledged, and so deleted from its queue.
3. When the broker says that it has the acknowledgement, the job is out of hand.

A worker that ends before 2 leaves the job to another one; the result that comes second is refused by its id. No step
waits for a round trip of one job alone: the answers of many are on their way at once.
"""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from nats.aio.msg import Msg

from services.client.pipeline.jetstream.broker.connection import Connection
from services.client.pipeline.jetstream.broker.publisher import Outcome, Publisher
from services.client.pipeline.jetstream.broker.requests import Requests
from services.client.pipeline.jetstream.broker.streams import Api, dead_of
from services.client.pipeline.jetstream.messages import Done, GivenUp, encode_done, encode_given_up
from services.client.pipeline.jetstream.run import Run
from services.client.pipeline.stages import Item, Result

ACK, PROGRESS, NAK = b"+ACK", b"+WPI", b"-NAK"
ACK_TRIES = 3  # a job that stays unacknowledged is delivered again, and its result refused: no harm
MAX_DELAY_S = 5.0
MAX_REASON_CHARACTERS = 300
NANOSECONDS = 1_000_000_000


@dataclass(slots=True)
class Job:
    """A job in hand.

    `reply`: where its acknowledgement goes. `began`: the work on it did. `settled`: it has a result or a reason why
    not. `out`: the broker knows, and it is out of hand.
    """

    item: Item
    deliveries: int
    reply: str
    began: bool = False
    settled: bool = False
    out: asyncio.Event = field(default_factory=asyncio.Event)


class Hand:
    """The jobs of one run that a worker holds, by their id, and the way out of its hands."""

    def __init__(self, connection: Connection, requests: Requests, publisher: Publisher, run: Run) -> None:
        self._connection, self._requests, self._publisher, self._run = connection, requests, publisher, run
        self._api = Api(requests)
        self._instance = secrets.token_bytes(8)  # the name alone is not enough: a worker may start again under it
        self._jobs: dict[int, Job] = {}
        self.emptier = asyncio.Event()  # set each time that a job is out of hand

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._jobs.values()))

    def take(self, job: Job) -> bool:
        """Take a job; return False where it is in hand already: then its newer delivery is the one to acknowledge."""
        held = self._jobs.get(job.item.id)
        if held is None:
            self._jobs[job.item.id] = job
            return True
        held.reply, held.deliveries = job.reply, job.deliveries
        return False

    async def record(self, job: Job, result: Result, worker: str) -> None:
        """Publish a result; when the broker has it, acknowledge the job. One that is too large is given up."""
        job.settled = True
        payload = encode_done(Done(result, worker, job.deliveries))
        if len(payload) > self._most_bytes:
            await self.give_up(job, f"its result of {len(payload):,} bytes is larger than the broker takes")
            return
        await self._publish(job, "results", payload)

    async def give_up(self, job: Job, reason: str) -> None:
        """Publish why a job has no result; when the broker has that, acknowledge the job."""
        job.settled = True
        given_up = GivenUp(job.item.id, reason[:MAX_REASON_CHARACTERS], job.deliveries)
        await self._publish(job, "dead", encode_given_up(given_up))

    async def hand_back(self, job: Job, delay_s: float = 0.0) -> None:
        """Have the broker deliver the job again, after a delay."""
        delay = b' {"delay": %d}' % int(min(delay_s, MAX_DELAY_S) * NANOSECONDS) if delay_s else b""
        await self._connection.publish(job.reply, NAK + delay)
        self._out(job)

    async def refuse(self, message: Msg, number: int, reason: str) -> None:
        """Give up a message that is no job."""
        deliveries = 1
        job = Job(Item(number, ""), deliveries, message.reply)
        if self.take(job):
            await self.give_up(job, reason)

    async def note_start(self, job: Job) -> bool:
        """Note that the work on a job begins which may have ended its workers; False where that was often enough.

        Each start is a message on its own subject, and names the worker that began. Where all the starts that a job may
        have are there, and are those of other workers, none of these came to the job's end. Deliveries are no such
        count: a worker that is ended by one job has other jobs in hand; and a broker that starts again delivers jobs
        again although their workers live.
        """
        most = self._run.max_deliveries - self._run.isolated_above
        for number in range(1, most + 1):
            name = f"{self._run.id}.{job.item.id}.{number}"
            if await self._store(f"starts.{name}", self._instance, f"start.{name}") is not Outcome.EXISTS:
                return True
            begun = await self._api.last_message(dead_of(self._run.id), f"starts.{name}")
            if begun is None or begun.data == self._instance:
                return True
        return False

    async def _store(self, subject: str, payload: bytes, message_id: str) -> Outcome:
        stored: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        async def then(outcome: Outcome) -> None:
            if not stored.done():
                stored.set_result(outcome)

        await self._publisher.put(subject, payload, message_id=message_id, then=then)
        return await stored

    async def keep_all(self) -> None:
        """Tell the broker that the jobs in hand are worked at, so that it delivers none of them again."""
        for job in self:
            await self._connection.publish(job.reply, PROGRESS)

    @property
    def _most_bytes(self) -> int:
        return self._connection.max_payload - 1024  # the header counts too

    async def _publish(self, job: Job, kind: str, payload: bytes) -> None:
        async def then(outcome: Outcome) -> None:
            if outcome is Outcome.NO_STREAM:  # the run is over
                self._out(job)
                return
            if outcome is Outcome.EXISTS and kind == "results":
                await self._connection.publish(f"again.{self._run.id}", b"%d" % job.item.id)
            await self._requests.send(job.reply, ACK, acknowledged, tries=ACK_TRIES)

        async def acknowledged(_answer: Msg | None) -> None:
            self._out(job)

        name = f"{self._run.id}.{job.item.id}"
        await self._publisher.put(f"{kind}.{name}", payload, message_id=name, then=then)

    def _out(self, job: Job) -> None:
        self._jobs.pop(job.item.id, None)
        job.out.set()
        self.emptier.set()
