"""Messages on their way into a stream, until the broker has them: several at once, and none of them lost or doubled.

A message that the broker has no room for is kept, and sent again with growing pauses. Its id is the same each time.
"""

import asyncio
import enum
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from nats.aio.msg import Msg

from services.client.pipeline.jetstream.broker.errors import NotABroker
from services.client.pipeline.jetstream.broker.requests import Requests, has_no_listener, members_of, refusal_of
from services.runtime.tasks import background_task
from services.runtime.terminal import printable, say

MESSAGE_ID = "Nats-Msg-Id"
MIN_PAUSE_S, MAX_PAUSE_S = 0.01, 0.5
MAX_AT_ONCE = 256  # of what was refused
LOOK_S = 0.5
TOLD_AFTER_S = 5.0  # of silence
NO_ANSWER = "it does not answer"  # as where its disk is full; a stream that met that stays silent until a restart
MAX_MISSES = 20  # a stream may be absent for a moment, while the broker starts
OVER_A_LIMIT = 10077
PER_SUBJECT = "maximum messages per subject exceeded"
MESSAGES = "maximum messages exceeded"


class Outcome(enum.Enum):
    """What the broker did with a message."""

    STORED = "it is stored"
    EXISTS = "one of this id is there already"
    QUEUE_FULL = "the stream has as many messages as it may have"
    NO_ROOM = "the broker's store is full, or fails"
    NO_STREAM = "none takes this subject"


Then = Callable[[Outcome], Awaitable[None]]
"""Called once the broker has a message (STORED, EXISTS) or, after several attempts, has no stream for it."""


@dataclass(slots=True)
class Message:
    """A message that the broker does not have yet. `is_again`: it was refused, sent again, and has no answer since."""

    subject: str
    payload: bytes
    headers: dict[str, str]
    then: Then
    misses: int = 0
    is_again: bool = False


class Publisher:
    """The messages of one program on their way. Made by `publishing`.

    `refused`: those that the broker has no room for now; `reason`: why, in its words. `silent_s`: for how long the
    broker, although it is there, has stored nothing of what it was asked to. A queue that has as many jobs as it may
    have does not count, that is the workers' pace; nor does the time in which this process stands still.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self.refused: list[Message] = []
        self._reason = ""
        self.silent_s = 0.0
        self._unstored = 0  # messages that the broker does not have
        self._has_told = False  # since the last message that was stored
        self._pause_s = MIN_PAUSE_S
        self._at_once, self._is_too_much = MAX_AT_ONCE, False
        self._unanswered = 0  # of those that were sent again
        self._retry = asyncio.Event()

    @property
    def reason(self) -> str:
        """Why the broker stores nothing, in its words where it has said something."""
        return self._reason or NO_ANSWER

    async def put(self, subject: str, payload: bytes, *, message_id: str, then: Then) -> None:
        """Send a message, and have `then` called once the broker has it."""
        if not self._unstored:
            self.silent_s = 0.0
        self._unstored += 1
        await self._send(Message(subject, payload, {MESSAGE_ID: message_id}, then))

    async def hear(self) -> None:
        """Note that the broker has begun to answer, or has answered."""
        self.silent_s = 0.0

    async def _send(self, message: Message) -> None:
        async def then(answer: Msg | None) -> None:
            await self._note(message, answer)

        await self._requests.send(message.subject, message.payload, then, headers=message.headers)

    async def _note(self, message: Message, answer: Msg | None) -> None:
        outcome, text = read(answer, self._requests.connection.settings.url)
        if message.is_again:
            message.is_again = False
            self._unanswered -= 1
            if not self._unanswered:
                self._retry.set()
        if outcome in {Outcome.STORED, Outcome.EXISTS}:
            self._has_told, self._reason, self._pause_s = False, "", MIN_PAUSE_S
            await self.hear()
            await self._finish(message, outcome)
            return
        message.misses += outcome is Outcome.NO_STREAM
        if message.misses > MAX_MISSES:
            await self._finish(message, outcome)
            return
        self._reason = text if outcome is Outcome.NO_ROOM else ""
        if outcome is Outcome.NO_ROOM:
            self._tell()
        elif outcome is Outcome.QUEUE_FULL:
            await self.hear()
        self.refused.append(message)
        self._is_too_much = True
        self._retry.set()

    async def _finish(self, message: Message, outcome: Outcome) -> None:
        self._unstored -= 1
        await message.then(outcome)

    def _tell(self) -> None:
        if not self._has_told:
            self._has_told = True
            say(f"the broker has no room ({printable(self.reason)}): what it cannot store is sent again until it can")

    async def retry(self) -> None:
        """Send again what was refused, after pauses that grow while nothing is taken.

        A full stream gets room for a few messages at a time: each refusal halves how many are sent after one pause, and
        they double while none is refused. All at once, most would be refused again, at a cost for both sides.
        """
        while True:
            await self._retry.wait()
            self._retry.clear()
            if self._unanswered or not self.refused:
                continue
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)
            self._at_once = max(1, self._at_once // 2) if self._is_too_much else min(2 * self._at_once, MAX_AT_ONCE)
            self._is_too_much = False
            again, self.refused = self.refused[: self._at_once], self.refused[self._at_once :]
            self._unanswered = len(again)
            for message in again:
                message.is_again = True
                await self._send(message)

    async def listen(self) -> None:
        """Measure for how long the broker answers nothing, and say so once."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self._unstored and self._requests.connection.is_up:
                self.silent_s += LOOK_S
            if self.silent_s > TOLD_AFTER_S:
                self._tell()


@asynccontextmanager
async def publishing(requests: Requests) -> AsyncIterator[Publisher]:
    """Yield a publisher, and send again meanwhile what was refused."""
    publisher = Publisher(requests)
    requests.connection.on_connected.append(publisher.hear)
    try:
        async with background_task(publisher.retry()), background_task(publisher.listen()):
            yield publisher
    finally:
        requests.connection.on_connected.remove(publisher.hear)


def read(answer: Msg | None, url: str) -> tuple[Outcome, str]:
    """Return what an answer to a message says, and the broker's words where the message was not taken.

    Raises NotABroker.
    """
    if answer is None or has_no_listener(answer):
        return Outcome.NO_STREAM, "it has no such stream"
    members = members_of(answer, url)
    refusal = refusal_of(members, url)
    if refusal is None:
        if "seq" not in members:
            raise NotABroker(url, "it does not say where a message is stored")
        return (Outcome.EXISTS if members.get("duplicate") else Outcome.STORED), ""
    code, text = refusal
    if code == OVER_A_LIMIT and text == PER_SUBJECT:
        return Outcome.EXISTS, text
    return (Outcome.QUEUE_FULL if text == MESSAGES else Outcome.NO_ROOM), text
