"""The messages of a consumer, asked for in batches, so that some are always on their way.

A pull request waits at the broker until it has its messages or expires, and the broker says each few seconds that it
still does. Where nothing is heard for three times as long, and on every new connection, the consumer is made again
where it is gone, and asked anew in a new inbox: what the broker still sends to the old one counts as not delivered.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg

from services.client.pipeline.jetstream.broker.connection import Connection
from services.client.pipeline.jetstream.broker.requests import MAX_DIGITS, STATUS
from services.runtime.tasks import set_within

EXPIRES_S = 30.0
LEFT = "Nats-Pending-Messages"  # of a request that ends early: how many messages it did not get
HEARTBEAT = "100"
MAX_BYTES = 16 << 20  # of the messages of one request, so that large ones do not fill the memory
PAUSE_S = 0.1  # before a consumer is bound again that the broker has just refused
NANOSECONDS = 1_000_000_000


class Pull:
    """A consumer's messages, in `messages`.

    Arguments:
        stream, consumer: their names.
        room: how many messages may come now, besides those that are asked for already.
        batch: how many are asked for at a time at most.
        bind: makes the consumer, where it is not there. Raises StreamGone.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        stream: str,
        consumer: str,
        room: Callable[[], int],
        batch: int,
        bind: Callable[[], Awaitable[None]],
    ) -> None:
        self.messages: asyncio.Queue[Msg] = asyncio.Queue()
        self._connection, self._room, self._batch, self._bind = connection, room, batch, bind
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._heartbeat_s = min(connection.settings.tuning.ping_s, EXPIRES_S / 3)
        self._inbox = ""
        self._subscription = 0
        self.asked = 0
        self._heard_s = 0.0
        self._wake = asyncio.Event()
        self._is_unbound = True

    async def keep(self) -> None:
        """Keep asking. Raises StreamGone."""
        self._connection.on_connected.append(self._unbind)
        try:
            while True:
                if self._is_unbound:
                    await self._bind_again()
                await self._ask()
                self._wake.clear()
                await set_within(self._wake, self._heartbeat_s)
                if time.monotonic() - self._heard_s > 3 * self._heartbeat_s and self.asked:
                    self._is_unbound = True
        finally:
            self._connection.on_connected.remove(self._unbind)
            await self._connection.unsubscribe(self._subscription)

    def more(self) -> None:
        """Note that there is room again."""
        if 2 * self.asked <= self._batch and self._room() > self.asked:
            self._wake.set()

    async def _unbind(self) -> None:
        self._is_unbound = True
        self._wake.set()

    async def _bind_again(self) -> None:
        await self._connection.unsubscribe(self._subscription)
        self._is_unbound = False
        self.asked, self._heard_s = 0, time.monotonic()
        await self._bind()
        self._inbox = self._connection.new_inbox()
        self._subscription = await self._connection.subscribe(self._inbox, self._receive)

    async def _ask(self) -> None:
        wanted = min(self._batch, self._room()) - self.asked
        if wanted <= 0 or 2 * self.asked > self._batch:
            return
        question = {
            "batch": wanted,
            "max_bytes": max(MAX_BYTES, 2 * self._connection.max_payload),
            "expires": int(EXPIRES_S * NANOSECONDS),
            "idle_heartbeat": int(self._heartbeat_s * NANOSECONDS),
        }
        if not self.asked:
            self._heard_s = time.monotonic()
        if await self._connection.publish(self._next, json.dumps(question).encode(), reply=self._inbox):
            self.asked += wanted

    def _receive(self, message: Msg) -> None:
        self._heard_s = time.monotonic()
        status = message.headers.get(STATUS) if message.headers and not message.reply else None
        if status is None:
            self.asked = max(0, self.asked - 1)
            self.messages.put_nowait(message)
            self.more()
        elif status != HEARTBEAT:
            left = (message.headers or {}).get(LEFT, "")
            if left.isdecimal() and len(left) < MAX_DIGITS:  # it expired, or had as many bytes as it may have
                self.asked = max(0, self.asked - int(left))
                self.more()
            else:
                asyncio.get_running_loop().call_later(PAUSE_S, self._refused)

    def _refused(self) -> None:
        """The consumer or its stream is gone, or the broker ends: bind it again."""
        self._is_unbound = True
        self._wake.set()
