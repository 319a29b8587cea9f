"""The collector's half of a run: every result that the broker has, once, and every job that was given up.

A run that goes on has results of items that this program has not read yet. They are only noted at first, so that the
producer makes no job of them, and taken in a second reading when all items are read: memory stays flat.
"""

from nats.aio.msg import Msg

from services.client.pipeline.edition import Emit
from services.client.pipeline.id_ranges import IdRanges
from services.client.pipeline.jetstream.messages import Done, Undecodable, decode_done, decode_given_up, id_of
from services.client.pipeline.jetstream.producer import Producer
from services.client.pipeline.ledger import Ledger


class Collector:
    """Takes what is read of results and of jobs that were given up.

    Arguments:
        emit: writes a result.
        finished: ids that need no job, see above.
        goes_on: whether another program has begun the run.
    """

    def __init__(self, producer: Producer, ledger: Ledger, emit: Emit, finished: IdRanges, *, goes_on: bool) -> None:
        self._producer, self._ledger, self._emit, self._finished = producer, ledger, emit, finished
        self._goes_on = goes_on

    @property
    def has_noted(self) -> bool:
        """Whether there are results that were only noted."""
        return len(self._finished) > 0

    async def take_result(self, message: Msg) -> None:
        """Take a result: emit it, or note that it is there."""
        number = id_of(message.subject)
        if self._goes_on and number is not None and not self._producer.has_all and number not in self._ledger.attempted:
            self._finished.add(number)
            return
        await self._take(number, message.data)

    async def take_noted(self, message: Msg) -> None:
        """Take a result that was only noted before."""
        number = id_of(message.subject)
        if number is not None and self._finished.discard(number):
            await self._take(number, message.data)

    async def take_dead(self, message: Msg) -> None:
        """Note why a job was given up."""
        number = id_of(message.subject)
        if number is None or not message.subject.startswith("dead."):
            return
        try:
            given_up = decode_given_up(message.data)
        except Undecodable as error:
            self._give_up(number, f"its reason cannot be read: {error}")
        else:
            self._ledger.redelivered += given_up.deliveries - 1
            self._give_up(number, given_up.reason)

    async def _take(self, number: int | None, data: bytes) -> None:
        try:
            done = decode_done(data)
            if done.result.id != number:
                raise Undecodable(f"it is of {done.result.id}")
        except Undecodable as error:
            if number is None or number not in self._ledger.attempted:
                self._ledger.unexpected += 1
            else:
                self._give_up(number, f"its result cannot be read: {error}")
            return
        await self._emit_done(done)

    async def _emit_done(self, done: Done) -> None:
        if done.result.id not in self._ledger.recorded:
            self._ledger.redelivered += done.deliveries - 1
        await self._emit(done.result, done.worker)
        if self._ledger.dead.discard(done.result.id):  # a worker was slow, and not gone
            self._ledger.reasons.pop(done.result.id, None)
        self._producer.close(done.result.id)

    def _give_up(self, number: int, reason: str) -> None:
        if number in self._ledger.recorded:
            return
        self._ledger.give_up(number, reason)
        if number not in self._ledger.attempted:
            self._finished.add(number)
        self._producer.close(number)
