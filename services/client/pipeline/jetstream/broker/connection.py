"""A connection to the broker, which is made again when it breaks.

nats-py can connect again by itself. That is not used: what it was asked to send meanwhile it keeps and sends later, or
drops, and some errors end it for good. Here, nothing is kept: who sends through a Connection is told when it was made
again (`on_connected`), and then sends again what has no answer yet. Every message has an id by which the broker knows
it, so that sending it twice does no harm.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from services.client.broker_settings import USER, BrokerSettings
from services.client.pipeline.jetstream.broker.client import (
    FOREIGN,
    EnduringClient,
    cancellations_so_far,
    end,
    heed_cancellation,
)
from services.client.pipeline.jetstream.broker.errors import BrokerAbsent, BrokerLost, BrokerRefuses
from services.runtime.errors import ProgramError
from services.runtime.tasks import background_task, run_in_daemon_thread, set_within

OLDEST_VERSION = (2, 10, 23)  # 2.10.20 to 22 can lose a stream in a crash
PAUSE_S = 0.1  # between two attempts to connect
LOOK_S = 0.25  # nats-py's own close can hang where the network was cut, and then reports nothing
TOLD_AFTER_S = 0.5  # an outage that ends before is none for a person
PENDING_BYTES = 64 << 20  # of one subscription; far more than its batches, since what is above it nats-py drops

Handler = Callable[[Msg], None]
"""Takes a message, and does not wait: nats-py cancels a handler that waits when the connection breaks."""

Tell = Callable[[str], None]
"""Takes a line for a person."""

logging.getLogger("nats").setLevel(logging.CRITICAL + 1)  # what goes wrong is said here, in one line


class Listening(NamedTuple):
    """A subscription that every new connection gets again."""

    subject: str
    handler: Handler


class Connection:
    """The connection to a broker. Made by `connect`.

    `max_payload`: the largest message that the broker takes, in bytes. `on_connected`: called on each new connection.
    `has_answered`: whether a request was ever answered, as Requests notes.
    `tell`: is given a line for a person when the broker has been away for a moment, and when it is back.
    """

    def __init__(self, settings: BrokerSettings, name: str, *, tell: Tell | None = None) -> None:
        self.settings, self.name = settings, name
        self._tell = tell
        self.on_connected: list[Callable[[], Awaitable[None]]] = []
        self.reconnects, self.max_payload, self.has_answered = 0, 0, False
        self._password = ""
        self._client: Client | None = None
        self._listening: dict[int, Listening] = {}
        self._subscriptions: dict[int, Subscription] = {}
        self._numbers = 0
        self._changed = asyncio.Event()
        self._refusal: Exception | None = None
        self._last_error = "no answer"
        self._fault: Exception | None = None

    @property
    def is_up(self) -> bool:
        """Whether there is a connection now, as far as is known."""
        return self._client is not None and self._client.is_connected

    def new_inbox(self) -> str:
        """Return a subject that no other connection uses."""
        return (self._client or EnduringClient()).new_inbox()

    async def publish(
        self, subject: str, payload: bytes = b"", *, reply: str = "", headers: dict[str, str] | None = None
    ) -> bool:
        """Send a message; return whether there was a connection to send it through."""
        client = self._client
        if client is None or not client.is_connected:
            return False
        cancellations = cancellations_so_far()
        try:
            await client.publish(subject, payload, reply=reply, headers=headers)
        except FOREIGN as error:
            self._last_error = reason(error)
            return False
        finally:
            heed_cancellation(cancellations)
        return True

    async def subscribe(self, subject: str, handler: Handler) -> int:
        """Have the handler called for each message of a subject, on every connection; return the number to end it."""
        self._numbers += 1
        number = self._numbers
        self._listening[number] = Listening(subject, handler)
        if self._client is not None and self._client.is_connected:
            await self._listen(self._client, number)
        return number

    async def unsubscribe(self, number: int) -> None:
        """End a subscription."""
        self._listening.pop(number, None)
        subscription = self._subscriptions.pop(number, None)
        if subscription is not None:
            with suppress(*FOREIGN):
                await subscription.unsubscribe()

    async def flush(self, timeout_s: float) -> None:
        """Wait until the broker has read all that was sent, or until the time is over."""
        if self._client is not None and self._client.is_connected:
            with suppress(*FOREIGN):
                async with asyncio.timeout(timeout_s):
                    await self._client.flush()

    async def open(self) -> None:
        """Connect for the first time. Raises BrokerAbsent, BrokerRefuses, NoPassword."""
        limit_s = self.settings.tuning.connect_s
        try:
            async with asyncio.timeout(limit_s):
                self._last_error = f"{self.settings.password_file}: no password comes"
                self._password = await run_in_daemon_thread(self.settings.read_password)  # a FIFO may have no writer
                self._last_error = "no answer"
                await self._connect()
        except TimeoutError:
            raise BrokerAbsent(self.settings.url, limit_s, self._last_error) from None

    async def watch(self) -> None:
        """Connect again each time that the connection breaks. Raises BrokerLost, BrokerRefuses.

        Where no request was ever answered, it raises BrokerAbsent for BrokerLost.
        """
        limit_s = self.settings.tuning.gone_s
        while True:
            await set_within(self._changed, LOOK_S)
            self._changed.clear()
            if self._fault is not None:
                raise self._fault
            if self.is_up:
                continue
            await self.close()
            try:
                async with asyncio.timeout(limit_s), telling_of_outage(self._tell, self.settings.url, limit_s):
                    await self._connect()
            except TimeoutError:
                error = BrokerLost if self.has_answered else BrokerAbsent
                raise error(self.settings.url, limit_s, self._last_error) from None
            self.reconnects += 1
            for tell in list(self.on_connected):
                await tell()

    async def close(self) -> None:
        """Close the connection, if there is one, without waiting for a peer that says nothing."""
        client, self._client = self._client, None
        self._subscriptions.clear()
        if client is not None:
            await end(client)

    async def _connect(self) -> None:
        while True:
            client = EnduringClient()
            try:
                await self._shake_hands(client)
                check_version(client)
                if not (isinstance(client.max_payload, int) and client.max_payload > 0):
                    raise ValueError("max_payload")
                for number in self._listening:
                    await self._listen(client, number)
                heed_cancellation()
            except ProgramError:
                await end(client)
                raise
            except Exception as error:  # what is no broker may say anything, and nats-py then raises anything
                await end(client)
                heed_cancellation()
                if not isinstance(error, nats.errors.NoServersError):
                    self._last_error = reason(error) if isinstance(error, FOREIGN) else "what answers is no broker"
                if "authorization" in self._last_error.lower():
                    raise BrokerRefuses(wrong_password(self.settings)) from None
                await asyncio.sleep(PAUSE_S)
            except BaseException:
                await end(client)
                raise
            else:
                self._client, self.max_payload = client, client.max_payload
                return

    async def _shake_hands(self, client: Client) -> None:
        """Connect a client, once. Raises what nats-py raises."""
        await client.connect(
            self.settings.url,
            name=self.name,
            user=USER if self._password else None,
            password=self._password or None,
            error_cb=self._note_error,
            closed_cb=self._note_close,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=PAUSE_S,  # type: ignore[arg-type] # seconds; they need not be whole
            connect_timeout=2,
            ping_interval=self.settings.tuning.ping_s,  # type: ignore[arg-type]
            max_outstanding_pings=2,
        )

    async def _listen(self, client: Client, number: int) -> None:
        subject, handler = self._listening[number]

        async def receive(message: Msg) -> None:
            handler(message)

        self._subscriptions[number] = await client.subscribe(subject, cb=receive, pending_bytes_limit=PENDING_BYTES)

    async def _note_error(self, error: Exception) -> None:
        """Keep what nats-py reports; what is neither the network's nor the broker's is a fault of a handler."""
        if isinstance(error, FOREIGN):
            self._last_error = reason(error)
        else:
            self._fault = self._fault or error
        self._changed.set()

    async def _note_close(self) -> None:
        self._changed.set()


@asynccontextmanager
async def telling_of_outage(tell: Tell | None, url: str, limit_s: float) -> AsyncIterator[None]:
    """Say that the broker is away if the block takes a moment, and that it is back when the block ends well."""
    if tell is None:
        yield
        return
    loop, has_told = asyncio.get_running_loop(), False

    def tell_away() -> None:
        nonlocal has_told
        has_told = True
        tell(f"the broker at {url} is away: it is waited for, {limit_s:g} s at most")

    began, timer = loop.time(), loop.call_later(TOLD_AFTER_S, tell_away)
    try:
        yield
    finally:
        timer.cancel()
    if has_told:
        tell(f"the broker is back, after {loop.time() - began:.1f} s")


@asynccontextmanager
async def connect(settings: BrokerSettings, *, name: str, tell: Tell | None = None) -> AsyncIterator[Connection]:
    """Yield a connection, which is made again when it breaks.

    `name`: what the broker shows of it. `tell`: is given a line for a person when the broker is away, and when it is
    back. Raises BrokerAbsent where nothing answers in time, BrokerRefuses, and BrokerLost (in a group) where it stays
    away.
    """
    connection = Connection(settings, name, tell=tell)
    await connection.open()
    try:
        async with background_task(connection.watch()):
            yield connection
    finally:
        await connection.close()


def check_version(client: Client) -> None:
    """Refuse a broker that is known to lose messages. Raises BrokerRefuses."""
    version = client.connected_server_version
    try:
        numbers = (version.major, version.minor, version.patch)
    except ValueError:
        numbers = (0, 0, 0)
    if numbers < OLDEST_VERSION:
        found, needed = (".".join(map(str, each)) for each in (numbers, OLDEST_VERSION))
        raise BrokerRefuses(f"the broker is nats-server {found}, and older ones can lose jobs: run {needed} or newer")


def wrong_password(settings: BrokerSettings) -> str:
    """Return what is wrong where the broker knows the user or the password not."""
    where = "BROKER_PASSWORD_FILE" if settings.password_file is None else str(settings.password_file)
    return f"the broker at {settings.url} refuses the password of {USER!r}: correct {where}"


def reason(error: BaseException) -> str:
    """Return the text of an error of nats-py or of the network, in one line."""
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.removeprefix("nats: ").split())
