"""The streams of a run, their consumers and their limits: all that is asked of the broker's API.

    JOBS-<run>      jobs.<run>.<partition>.<id>   what is to be done: a work queue, bounded, one message an id
    RESULTS-<run>   results.<run>.<id>            what was done: kept, one message an id
    DEAD-<run>      dead.<run>.<id>               what was given up, and why: one message an id
                    starts.<run>.<id>.<n>         that a worker began a job which may have ended other workers
    RUNS            runs.<run>                    how a run is to be worked at; empty: it is being removed

Two subjects are in no stream: `owner.<run>`, where the producer of a run answers, and `again.<run>`, where workers tell
it of results that the broker had already.

One message an id, by `discard_new_per_subject`: this holds for as long as the stream does. The broker also remembers
message ids, for a window of time and in memory; after a crash it does not know those of acknowledged jobs. So message
ids only save work: a job that was done is not queued again when its producer sends it twice within the window.
"""

import asyncio
import base64
import json
from datetime import datetime
from typing import NamedTuple

from nats.js import api

from services.client.pipeline.jetstream.broker.errors import BrokerRefuses, NotABroker, StreamGone
from services.client.pipeline.jetstream.broker.requests import Requests, has_no_listener, members_of, refusal_of
from services.runtime.errors import ProgramError

API = "$JS.API"
RUNS = "RUNS"
NO_SUCH_STREAM, NO_SUCH_CONSUMER, NO_SUCH_MESSAGE, STREAM_EXISTS = 10059, 10014, 10037, 10058
WRONG_LAST_SEQUENCE = 10071
PAUSE_S = 0.1
PATIENT_TRIES = 12  # of a request that the API does not answer
JOBS_WINDOW_S, MIN_WINDOW_S = 30.0, 2.0  # of message ids
EPHEMERAL_S = 300.0  # a consumer without a name ends after this time without a request


class Refused(ProgramError):
    """The API refuses a request: `code` is the broker's own number of the error."""

    exit_code = 1

    def __init__(self, code: int, text: str) -> None:
        super().__init__(
            f"the broker does not do what it was asked for ({text}): see its log, or make room on its disk"
        )
        self.code, self.text = code, text


class Stored(NamedTuple):
    """A message of a stream, its sequence, and when the broker stored it, as Unix time; 0: not known."""

    data: bytes
    seq: int
    stored_s: float = 0.0


class StreamState(NamedTuple):
    """How many messages a stream holds, the sequence of its last one, deleted or not, and its size in bytes."""

    messages: int
    last_seq: int
    size: int = 0


class ConsumerState(NamedTuple):
    """Of a consumer: how many deliveries it made, how many messages have no acknowledgement, how many requests wait."""

    deliveries: int
    unacknowledged: int
    waiting: int


def jobs_of(run: str) -> str:
    return f"JOBS-{run}"


def results_of(run: str) -> str:
    return f"RESULTS-{run}"


def dead_of(run: str) -> str:
    return f"DEAD-{run}"


def consumer_of(partition: int) -> str:
    return f"partition-{partition}"


def run_streams(run: str, queue_size: int) -> list[api.StreamConfig]:
    """Return the configurations of a run's streams."""
    once = {"discard": api.DiscardPolicy.NEW, "max_msgs_per_subject": 1, "discard_new_per_subject": True}
    kept = {
        "retention": api.RetentionPolicy.LIMITS,
        "storage": api.StorageType.FILE,
        "duplicate_window": MIN_WINDOW_S,
    }
    kept |= once
    return [
        api.StreamConfig(
            name=jobs_of(run),
            subjects=[f"jobs.{run}.*.*"],
            retention=api.RetentionPolicy.WORK_QUEUE,
            storage=api.StorageType.FILE,
            max_msgs=queue_size,
            discard=api.DiscardPolicy.NEW,
            max_msgs_per_subject=1,
            discard_new_per_subject=True,
            duplicate_window=JOBS_WINDOW_S,
        ),
        api.StreamConfig(name=results_of(run), subjects=[f"results.{run}.*"], **kept),  # type: ignore[arg-type]
        api.StreamConfig(
            name=dead_of(run),
            subjects=[f"dead.{run}.*", f"starts.{run}.*.*"],
            **kept,  # type: ignore[arg-type]
        ),
    ]


def registry_stream() -> api.StreamConfig:
    """Return the configuration of the stream of runs: the newest message of each counts."""
    return api.StreamConfig(
        name=RUNS,
        subjects=["runs.*"],
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        max_msgs_per_subject=1,
    )


def job_consumer(run: str, partition: int, *, ack_wait_s: float, at_once: int) -> api.ConsumerConfig:
    """Return the configuration of a partition's consumer. `at_once`: how many jobs all workers may hold together."""
    return api.ConsumerConfig(
        durable_name=consumer_of(partition),
        filter_subject=f"jobs.{run}.{partition}.*",
        ack_policy=api.AckPolicy.EXPLICIT,
        ack_wait=ack_wait_s,
        max_deliver=-1,
        max_ack_pending=at_once,
        max_waiting=4096,
    )


def reader_consumer(name: str, start_seq: int) -> api.ConsumerConfig:
    """Return the configuration of a consumer that reads a stream from a sequence on, and acknowledges nothing."""
    return api.ConsumerConfig(
        name=name,
        ack_policy=api.AckPolicy.NONE,
        deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=start_seq,
        inactive_threshold=EPHEMERAL_S,
        mem_storage=True,
    )


class Api:
    """The broker's API for streams and consumers.

    Every method raises Refused, BrokerRefuses without JetStream, BrokerSilent, and NotABroker.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._url = requests.connection.settings.url

    async def ask(self, what: str, question: object = None) -> dict[str, object]:
        """Ask the API, and return the members of its answer."""
        payload = b"" if question is None else json.dumps(question).encode()
        for _ in range(PATIENT_TRIES):
            answer = await self._requests.ask(f"{API}.{what}", payload)
            if has_no_listener(answer):  # as for a moment while it starts
                await asyncio.sleep(PAUSE_S)
                continue
            members = members_of(answer, self._url)
            if (refusal := refusal_of(members, self._url)) is not None:
                raise Refused(*refusal)
            if "type" not in members:  # each answer of the API has it
                raise NotABroker(self._url, "its answer has no type")
            return members
        raise BrokerRefuses(f"the broker at {self._url} has no JetStream: turn it on")

    async def make_stream(self, config: api.StreamConfig) -> None:
        """Make a stream; one that is there already stays, with the limits that it has."""
        try:
            await self.ask(f"STREAM.CREATE.{config.name}", config.as_dict())
        except Refused as refused:
            if refused.code != STREAM_EXISTS:
                raise

    async def delete_stream(self, name: str) -> None:
        """Delete a stream; one that is gone is no error."""
        try:
            await self.ask(f"STREAM.DELETE.{name}")
        except Refused as refused:
            if refused.code != NO_SUCH_STREAM:
                raise

    async def make_consumer(self, stream: str, config: api.ConsumerConfig) -> None:
        """Make a consumer, or do nothing where there is the same already. Raises StreamGone."""
        name = config.durable_name or config.name
        question = {"stream_name": stream, "config": config.as_dict(), "action": ""}
        try:
            await self.ask(f"CONSUMER.CREATE.{stream}.{name}", question)
        except Refused as refused:
            if refused.code == NO_SUCH_STREAM:
                raise StreamGone(stream) from None
            raise

    async def delete_consumer(self, stream: str, consumer: str) -> None:
        """Delete a consumer; one that is gone is no error. Raises StreamGone."""
        try:
            await self.ask(f"CONSUMER.DELETE.{stream}.{consumer}")
        except Refused as refused:
            if refused.code == NO_SUCH_STREAM:
                raise StreamGone(stream) from None
            if refused.code != NO_SUCH_CONSUMER:
                raise

    async def stream_state(self, stream: str) -> StreamState:
        """Return what a stream holds. Raises StreamGone."""
        try:
            state = part(await self.ask(f"STREAM.INFO.{stream}"), "state")
        except Refused as refused:
            if refused.code == NO_SUCH_STREAM:
                raise StreamGone(stream) from None
            raise
        return StreamState(number(state, "messages"), number(state, "last_seq"), number(state, "bytes"))

    async def last_message(self, stream: str, subject: str) -> Stored | None:
        """Return the last message of a subject; None where there is none."""
        try:
            answer = await self.ask(f"STREAM.MSG.GET.{stream}", {"last_by_subj": subject})
        except Refused as refused:
            if refused.code not in {NO_SUCH_MESSAGE, NO_SUCH_STREAM}:
                raise
            return None
        message = part(answer, "message")
        try:
            data = base64.b64decode(str(message.get("data", "")))
            stored_s = unix_time(str(message.get("time", "")))
        except ValueError:
            raise NotABroker(self._url, "the message in its answer is no base64, or its time is none") from None
        if not (seq := number(message, "seq")):
            raise NotABroker(self._url, "its answer has no message")
        return Stored(data, seq, stored_s)

    async def consumer_state(self, stream: str, consumer: str) -> ConsumerState:
        """Return how far a consumer is. Raises Refused where it is gone."""
        answer = await self.ask(f"CONSUMER.INFO.{stream}.{consumer}")
        delivered = number(part(answer, "delivered"), "consumer_seq")
        return ConsumerState(delivered, number(answer, "num_ack_pending"), number(answer, "num_waiting"))


def unix_time(text: str) -> float:
    """Return the Unix time of what the broker writes of a time; 0 where it cannot be read."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def part(answer: dict[str, object], name: str) -> dict[str, object]:
    """Return an object inside an answer; an empty one where it is absent."""
    found = answer.get(name)
    return found if isinstance(found, dict) else {}


def number(answer: dict[str, object], name: str) -> int:
    """Return a number inside an answer; 0 where it is absent."""
    found = answer.get(name)
    return found if isinstance(found, int) else 0
