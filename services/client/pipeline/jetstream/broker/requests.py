"""Many requests at once over one inbox: each has a number, by which its answer is known.

A request stays until it is answered. It is sent again when its answer is late, and at once on a new connection: all
that is asked here can be asked twice.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from nats.aio.msg import Msg

from services.client.pipeline.jetstream.broker.connection import Connection
from services.client.pipeline.jetstream.broker.errors import BrokerSilent, NotABroker
from services.runtime.tasks import background_task

STATUS = "Status"
NO_RESPONDERS = "503"  # of a subject without a listener: no such stream, or none yet
LOOK_S = 0.25
MAX_DIGITS = 20  # of a number that another program may have sent

Then = Callable[[Msg | None], Awaitable[None]]
"""Gets the answer; None after as many attempts as were allowed."""


@dataclass(slots=True)
class Request:
    """A request without an answer. `tries`: how often it may still be sent; negative is without end."""

    subject: str
    payload: bytes
    headers: dict[str, str] | None
    then: Then
    tries: int
    sent_s: float


class Requests:
    """The requests of one connection that have no answer yet. Made by `requesting`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._resend_s = connection.settings.tuning.resend_s
        self._inbox = connection.new_inbox()
        self._waiting: dict[int, Request] = {}
        self._number = 0
        self._answered = 0  # how many answers came
        self.answers: asyncio.Queue[Msg] = asyncio.Queue()  # never more than there are requests, and a few late ones

    def __len__(self) -> int:
        return len(self._waiting)

    async def send(
        self, subject: str, payload: bytes, then: Then, *, headers: dict[str, str] | None = None, tries: int = -1
    ) -> int:
        """Send a request, and have `then` called with its answer; return its number.

        `tries`: how often it is sent at most.
        """
        self._number += 1
        number = self._number
        self._waiting[number] = request = Request(subject, payload, headers, then, tries, 0.0)
        await self._send(number, request)
        return number

    async def ask(self, subject: str, payload: bytes, *, headers: dict[str, str] | None = None, tries: int = -1) -> Msg:
        """Send a request and return its answer. Raises TimeoutError after `tries` without one.

        Without `tries` it is for the broker itself: raises BrokerSilent where the broker answers nothing for too long.
        """
        answered: asyncio.Future[Msg | None] = asyncio.get_running_loop().create_future()

        async def then(answer: Msg | None) -> None:
            if not answered.done():
                answered.set_result(answer)

        number = await self.send(subject, payload, then, headers=headers, tries=tries)
        try:
            if tries < 0:
                await self._until_answered(answered)
            answer = await answered
        finally:
            self._waiting.pop(number, None)
        if answer is None:
            raise TimeoutError(f"{subject}: no answer")
        return answer

    async def _until_answered(self, answered: "asyncio.Future[Msg | None]") -> None:
        """Wait for an answer. Raises BrokerSilent.

        Time without a connection does not count, that is for `Connection.watch` to bound; but where each connection
        breaks at once, it does. Nor does the time in which this process stands still.
        """
        tuning = self.connection.settings.tuning
        silent_s, seen = 0.0, (self._answered, self.connection.reconnects)
        while not (await asyncio.wait({answered}, timeout=LOOK_S))[0]:
            answers, reconnects = self._answered, self.connection.reconnects
            if answers != seen[0]:
                silent_s = 0.0
            elif self.connection.is_up or reconnects != seen[1]:
                silent_s += LOOK_S
            seen = answers, reconnects
            has_answered = self.connection.has_answered
            limit_s = tuning.gone_s if has_answered else min(tuning.connect_s, tuning.gone_s)
            if silent_s >= limit_s:
                raise BrokerSilent(self.connection.settings.url, limit_s, has_answered=has_answered)

    async def hand_over(self) -> None:
        """Hand each answer to its request; one that was answered already has none."""
        while True:
            message = await self.answers.get()
            self._answered += 1
            self.connection.has_answered = True
            request = self._waiting.pop(number_of(message.subject), None)
            if request is not None:
                await request.then(message)

    async def send_all(self) -> None:
        """Send all again, on a new connection."""
        for number, request in list(self._waiting.items()):
            await self._send(number, request)

    async def send_late(self) -> None:
        """Send again, from time to time, what has waited for too long."""
        while True:
            await asyncio.sleep(LOOK_S)
            if not self.connection.is_up:
                continue
            due_s = time.monotonic() - self._resend_s
            for number, request in list(self._waiting.items()):
                if request.sent_s < due_s and number in self._waiting:
                    await self._send(number, request)

    async def _send(self, number: int, request: Request) -> None:
        request.sent_s = time.monotonic()
        if request.tries == 0:
            del self._waiting[number]
            await request.then(None)
        elif await self.connection.publish(
            request.subject, request.payload, reply=f"{self._inbox}.{number}", headers=request.headers
        ):
            request.tries -= 1

    @property
    def answer_subject(self) -> str:
        """The subject of all answers."""
        return f"{self._inbox}.*"


@asynccontextmanager
async def requesting(connection: Connection) -> AsyncIterator[Requests]:
    """Yield the requests of a connection, and send late ones again meanwhile."""
    requests = Requests(connection)
    subscription = await connection.subscribe(requests.answer_subject, requests.answers.put_nowait)
    connection.on_connected.append(requests.send_all)
    try:
        async with background_task(requests.hand_over()), background_task(requests.send_late()):
            yield requests
    finally:
        connection.on_connected.remove(requests.send_all)
        await connection.unsubscribe(subscription)


def number_of(subject: str) -> int:
    """Return the number of the request that an answer's subject names; 0, which no request has, where it names none."""
    last = subject.rpartition(".")[2]
    return int(last) if last.isascii() and last.isdecimal() and len(last) < MAX_DIGITS else 0


def has_no_listener(message: Msg) -> bool:
    """Return whether the answer says that no program listens to the subject."""
    return bool(message.headers) and message.headers.get(STATUS) == NO_RESPONDERS  # type: ignore[union-attr]


def members_of(answer: Msg, url: str) -> dict[str, object]:
    """Return the members of a broker's answer. Raises NotABroker."""
    try:
        members = json.loads(answer.data)
    except (ValueError, RecursionError):
        raise NotABroker(url, "its answer is no JSON") from None
    if not isinstance(members, dict):
        raise NotABroker(url, "its answer is no JSON object")
    return members


def refusal_of(members: dict[str, object], url: str) -> tuple[int, str] | None:
    """Return the number and the text of the error in a broker's answer; None where it has none. Raises NotABroker."""
    error = members.get("error")
    if error is None:
        return None
    code = error.get("err_code", 0) if isinstance(error, dict) else None
    if not isinstance(error, dict) or not isinstance(code, int):
        raise NotABroker(url, "the error in its answer is none of a broker")
    return code, str(error.get("description", error))
