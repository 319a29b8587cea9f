"""Messages that the broker refuses because its stream is full: each is stored in the end, with few attempts."""

import asyncio
import json
from typing import cast

import pytest
from nats.aio.msg import Msg

from services.client.broker_settings import BrokerSettings
from services.client.pipeline.jetstream.broker import publisher
from services.client.pipeline.jetstream.broker.connection import Connection
from services.client.pipeline.jetstream.broker.publisher import OVER_A_LIMIT, Outcome, Publisher
from services.client.pipeline.jetstream.broker.requests import Requests, Then
from services.runtime.tasks import background_task

MESSAGES, BOUND, TAKEN = 400, 100, 8


class FullStream:
    """Answers as a stream of BOUND messages, of which a worker takes TAKEN in each turn of the loop."""

    def __init__(self) -> None:
        self.attempts = self.held = 0
        self.stored: list[str] = []
        self.connection = Connection(BrokerSettings("nats://broker:4222"), "test")
        self._answers: list[asyncio.Future[None]] = []

    async def send(self, subject: str, _payload: bytes, then: Then, *, headers: dict[str, str]) -> None:
        """Store a message, or refuse it, and answer a little later."""
        self.attempts += 1
        answer: dict[str, object] = {"seq": self.attempts}
        if self.held < BOUND:
            self.held += 1
            self.stored.append(subject)
        else:
            answer = {"error": {"err_code": OVER_A_LIMIT, "description": publisher.MESSAGES}}
        message = Msg(_client=None, data=json.dumps(answer).encode())  # type: ignore[arg-type]
        self._answers.append(asyncio.ensure_future(hand(then, message)))

    async def work(self) -> None:
        """Take messages, as a worker does."""
        while True:
            await asyncio.sleep(0)
            self.held = max(0, self.held - TAKEN)


async def hand(then: Then, message: Msg) -> None:
    """Hand an answer over."""
    await then(message)


def test_a_full_stream_is_not_sent_all_that_it_refused_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has room for a few at a time: about as many are sent, and every message is stored once."""
    monkeypatch.setattr(publisher, "MIN_PAUSE_S", 0.0)
    monkeypatch.setattr(publisher, "MAX_PAUSE_S", 0.0)

    async def put_all() -> FullStream:
        stream, outcomes = FullStream(), []
        publishing = Publisher(cast("Requests", stream))
        all_stored = asyncio.Event()

        async def then(outcome: Outcome) -> None:
            outcomes.append(outcome)
            if len(outcomes) == MESSAGES:
                all_stored.set()

        async with background_task(stream.work()), background_task(publishing.retry()), asyncio.timeout(20):
            for number in range(MESSAGES):
                await publishing.put(f"jobs.{number}", b"", message_id=str(number), then=then)
            await all_stored.wait()
        assert outcomes == [Outcome.STORED] * MESSAGES
        assert not publishing.refused
        return stream

    stream = asyncio.run(put_all())
    assert sorted(stream.stored) == sorted(f"jobs.{number}" for number in range(MESSAGES))
    assert stream.attempts < 4 * MESSAGES
