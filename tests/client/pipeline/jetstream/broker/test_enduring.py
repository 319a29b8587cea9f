"""A connection to the broker bears any message that comes through it, and leaves no error behind when it breaks."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from nats.aio.msg import Msg

from services.client.pipeline.jetstream.broker.connection import Connection, connect
from services.client.pipeline.jetstream.broker.pull import Pull
from services.client.pipeline.jetstream.broker.requests import number_of
from services.client.pipeline.stages import Item, Result, reply_to
from tests.client.pipeline.jetstream.brokers import PASSWORD, Broker
from tests.client.pipeline.jetstream.links import link
from tests.client.pipeline.jetstream.runs import new_outcome, run_items, worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

MESSAGES = {
    "a subject that is no text": (b"strange.\xff", b"", b"", b"{}"),
    "a reply that is no text": (b"strange.1", b"re\xff", b"", b"{}"),
    "an empty header": (b"strange.1", b"", b"NATS/1.0", b"{}"),
    "a header that is none": (b"strange.1", b"", b"x", b"{}"),
    "a status that is no text": (b"strange.1", b"", b"NATS/1.0 \xff\xff\xff\r\n\r\n", b"{}"),
    "control characters": (b"strange.1", b"", b"NATS/1.0\r\nA: \x1b[31m\x00\r\n\r\n", b"\x1b[2J\x00"),
}
HOSTILE = [
    (subject, payload)
    for subject in (b"again.r", b"stuck.r", b"owner.r", b"trace.r", b"runs.other", b"jobs.r.0.x", b"starts.r.3.1")
    for payload in (b"", b"null", b"[]", b"\xff\x00", b"[" * 10_000, b'{"version": 1}', b"9" * 5_000)
]


@asynccontextmanager
async def sending(broker: Broker) -> AsyncIterator[asyncio.StreamWriter]:
    """Yield where bytes go to the broker, from a peer that knows the password."""
    reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
    hello = b'CONNECT {"verbose": false, "user": "asynclab", "pass": "%s", "headers": true}\r\nPING\r\n'
    writer.write(hello % PASSWORD.encode())
    while not (await reader.readline()).startswith(b"PONG"):
        pass
    try:
        yield writer
    finally:
        writer.write(b"PING\r\n")
        while not (await reader.readline()).startswith(b"PONG"):
            pass
        writer.transport.abort()


def published(subject: bytes, payload: bytes, *, reply: bytes = b"", header: bytes = b"") -> bytes:
    """Return the bytes that publish a message."""
    words = [subject, *([reply] if reply else []), *([b"%d" % len(header)] if header else [])]
    verb = b"HPUB" if header else b"PUB"
    return b"%s %s %d\r\n%s%s\r\n" % (verb, b" ".join(words), len(header) + len(payload), header, payload)


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
async def test_a_message_that_cannot_be_decoded_is_heard_as_any_other(
    broker: Broker, message: tuple[bytes, bytes, bytes, bytes]
) -> None:
    """It comes to its handler, and so does what follows it, through the same connection."""
    subject, reply, header, payload = message
    got = asyncio.Queue[Msg]()
    async with connect(broker.settings(), name="test") as connection, sending(broker) as writer:
        await connection.subscribe("strange.*", got.put_nowait)
        await connection.publish("strange.0")
        await got.get()  # so the broker has the subscription
        writer.write(published(subject, payload, reply=reply, header=header) + published(b"strange.2", b"after"))
        first, second = await got.get(), await got.get()
        assert connection.reconnects == 0
    assert (first.data, second.data) == (payload, b"after")


async def test_a_run_completes_among_messages_that_others_send(broker: Broker) -> None:
    """On every subject that its programs listen to, and in the inbox of its jobs."""
    outcome, begun, gate = new_outcome(), asyncio.Event(), asyncio.Event()

    async def work(item: Item) -> Result:
        begun.set()
        await gate.wait()
        return reply_to(item)

    async with worker(broker.settings(), work), asyncio.TaskGroup() as group:
        running = group.create_task(run_items(broker.settings(), 40, outcome=outcome, run="r"))
        await begun.wait()
        async with sending(broker) as writer:
            for subject, payload in HOSTILE:
                writer.write(published(subject, payload))
                writer.write(published(subject, payload, reply=b"re\xff", header=b"x"))
        gate.set()
        await running
    outcome.check(40)


async def test_what_is_no_delivery_and_no_answer_is_passed_over(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program can send to the inboxes of a run's programs, too."""
    inboxes: list[str] = []
    bind = Pull._bind_again

    async def noting(pull: Pull) -> None:
        await bind(pull)
        inboxes.append(pull._inbox)

    monkeypatch.setattr(Pull, "_bind_again", noting)
    outcome, begun, gate = new_outcome(), asyncio.Event(), asyncio.Event()

    async def work(item: Item) -> Result:
        begun.set()
        await gate.wait()
        return reply_to(item)

    async with worker(broker.settings(), work), asyncio.TaskGroup() as group:
        running = group.create_task(run_items(broker.settings(), 40, outcome=outcome))
        await begun.wait()
        async with sending(broker) as writer:
            for inbox in inboxes:
                for reply in (b"", b"a.b", b"$JS.ACK.a.b.x.y.z.1.1"):
                    writer.write(published(inbox.encode(), b"{}", reply=reply))
                left = b"NATS/1.0 408\r\nNats-Pending-Messages: %s\r\n\r\n" % (b"9" * 5_000)
                writer.write(published(inbox.encode(), b"", header=left))
        gate.set()
        await running
    outcome.check(40)


@pytest.mark.parametrize(
    ("subject", "number"),
    [("_INBOX.a.7", 7), ("_INBOX.a.x", 0), ("_INBOX.a." + "9" * 5_000, 0), ("a.²", 0)],
    ids=["one", "a word", "long", "no ASCII"],
)
def test_the_request_of_an_answer(subject: str, number: int) -> None:
    """The last token of the subject; what is no number is of no request."""
    assert number_of(subject) == number


async def stuff(connection: Connection) -> None:
    """Send to a peer that does not read, until something waits behind what the kernel takes."""
    for _ in range(64):
        await connection.publish("nothing", bytes(1_000_000))
        for _ in range(8):
            await asyncio.sleep(0)
        if connection._client is None or connection._client.pending_data_size:
            return
    raise AssertionError("the peer reads")


async def test_a_program_that_sends_can_be_cancelled(broker: Broker) -> None:
    """nats-py drops a cancellation while it waits for a peer that does not read."""
    async with link(broker.port) as between, connect(broker.settings(port=between.port), name="test") as connection:
        between.freeze()
        await stuff(connection)

        async def send_for_ever() -> None:
            while True:
                await connection.publish("nothing", bytes(1_000_000))
                tried.set()

        sending, tried = asyncio.ensure_future(send_for_ever()), asyncio.Event()
        await tried.wait()
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        between.cut()


async def test_a_connection_that_breaks_leaves_no_error_behind(
    broker: Broker,
) -> None:
    """nats-py alone lets tasks end with an error that nothing takes, and asyncio prints those."""
    left: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: left.append(context))
    async with link(broker.port) as between, connect(broker.settings(port=between.port), name="test") as connection:
        again = asyncio.Event()

        async def note() -> None:
            again.set()

        connection.on_connected.append(note)
        between.freeze()
        await stuff(connection)
        between.cut()
        between.mend()
        await again.wait()
    gc.collect()
    await asyncio.sleep(0)
    assert left == []
