"""Reading a stream of a run in order, each message once, whatever becomes of the connection.

The consumer acknowledges nothing. It is made anew, from behind the last message that was taken, on every new
connection, and where a number is missing.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg

from services.client.pipeline.jetstream.broker.connection import Connection
from services.client.pipeline.jetstream.broker.pull import Pull
from services.client.pipeline.jetstream.broker.streams import Api, reader_consumer
from services.client.pipeline.jetstream.messages import Undecodable, delivery_of

BATCH = 256

Take = Callable[[Msg], Awaitable[None]]


class Reader:
    """Reads a stream from a sequence on. `seq`: of the last message that was taken; `moved` is set at each."""

    def __init__(self, connection: Connection, api: Api, stream: str, *, after: int = 0) -> None:
        self.connection, self._api = connection, api
        self._stream, self.seq = stream, after
        self.moved = asyncio.Event()
        self._expected = 1  # of the consumer's own numbers
        self._pull: Pull | None = None

    async def read(self, take: Take) -> None:
        """Have `take` called for every message, for ever. Raises StreamGone, in a group."""
        while True:
            async with asyncio.TaskGroup() as group:
                self._pull = pull = self._make_pull(f"reader-{secrets.token_hex(6)}")
                keeping = group.create_task(pull.keep())
                await self._read(pull, take)
                keeping.cancel()

    def unread(self) -> int:
        """Return how many messages have come and are not taken yet."""
        return self._pull.messages.qsize() if self._pull else 0

    async def reach(self, seq: int) -> None:
        """Wait until every message up to a sequence was taken."""
        while self.seq < seq:
            self.moved.clear()
            await self.moved.wait()

    async def _read(self, pull: Pull, take: Take) -> None:
        """Return where a message is missing."""
        while True:
            message = await pull.messages.get()
            try:
                delivery = delivery_of(message.reply)
            except Undecodable:
                continue  # the broker has not sent it
            if delivery.consumer_seq != self._expected:
                return
            self._expected += 1
            if delivery.seq > self.seq:
                await take(message)
                self.seq = delivery.seq
                self.moved.set()
            pull.more()

    def _make_pull(self, name: str) -> Pull:
        async def bind() -> None:
            await self._api.delete_consumer(self._stream, name)
            while not pull.messages.empty():  # they come again
                pull.messages.get_nowait()
            self._expected = 1
            await self._api.make_consumer(self._stream, reader_consumer(name, self.seq + 1))

        pull = Pull(
            self.connection,
            stream=self._stream,
            consumer=name,
            room=lambda: 2 * BATCH - pull.messages.qsize(),
            batch=BATCH,
            bind=bind,
        )
        return pull
