"""What is in the messages of a run: jobs, results, and jobs that were given up. No I/O.

A job and a reason are JSON arrays. A result is a JSON array on one line; what follows it is the record, to the byte.
"""

import json
import zlib
from typing import NamedTuple

from services.client.errors import FetchError
from services.client.pipeline.stages import Item, Result
from services.client.url.url import read_target


class Undecodable(ValueError):
    """A message is not what its subject says."""


class Done(NamedTuple):
    """A result and how it came: the worker's name, and how often the job had been delivered."""

    result: Result
    worker: str
    deliveries: int


class GivenUp(NamedTuple):
    """A job without a result: why, and how often it had been delivered."""

    id: int
    reason: str
    deliveries: int


class Delivery(NamedTuple):
    """What the reply subject of a message says: how often it was delivered, its sequence, and the consumer's."""

    deliveries: int
    seq: int
    consumer_seq: int


def encode_job(item: Item) -> bytes:
    return json.dumps(item).encode()


def decode_job(data: bytes) -> Item:
    """Return the item of a job. Raises Undecodable."""
    number, text, line, problem = members(data, (int, str, int, str))
    return Item(int(str(number)), str(text), int(str(line)), str(problem))


def encode_done(done: Done) -> bytes:
    result = done.result
    head = [result.id, result.reply, result.ok, result.text, done.worker, done.deliveries]
    return json.dumps(head).encode() + b"\n" + result.record


def decode_done(data: bytes) -> Done:
    """Return a result. Raises Undecodable."""
    line, _, record = data.partition(b"\n")
    number, reply, ok, text, worker, deliveries = members(line, (int, str, bool, str, str, int))
    result = Result(int(str(number)), str(reply), bool(ok), str(text), record)
    return Done(result, str(worker), int(str(deliveries)))


def encode_given_up(given_up: GivenUp) -> bytes:
    return json.dumps(given_up).encode()


def decode_given_up(data: bytes) -> GivenUp:
    """Return why a job was given up. Raises Undecodable."""
    number, reason, deliveries = members(data, (int, str, int))
    return GivenUp(int(str(number)), str(reason), int(str(deliveries)))


def members(data: bytes, kinds: tuple[type, ...]) -> list[object]:
    """Return the members of a JSON array that has these kinds of members. Raises Undecodable."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Undecodable("it is no JSON") from error
    if not isinstance(found, list) or list(map(type, found)) != list(kinds):
        raise Undecodable(f"it is no array of {', '.join(kind.__name__ for kind in kinds)}")
    return found


def delivery_of(reply: str) -> Delivery:
    """Return what a delivery says of itself: `$JS.ACK.(domain.account.)stream.consumer.deliveries.seq....`.

    Raises Undecodable for a message that no stream has delivered.
    """
    tokens = reply.split(".")
    at = 4 if len(tokens) == 9 else 6
    try:
        deliveries, seq, consumer_seq = map(int, tokens[at : at + 3])
    except ValueError as error:
        raise Undecodable("it is no delivery of a stream") from error
    return Delivery(deliveries, seq, consumer_seq)


def id_of(subject: str) -> int | None:
    """Return the id that a subject ends with; None where it is no id of ours."""
    last = subject.rpartition(".")[2]
    return int(last) if last.isascii() and last.isdecimal() and len(last) < 20 else None


def partition_of(text: str, partitions: int) -> int:
    """Return the partition of a target: all of one host are in one. What is no target has no host, and is in the first.

    With --per-host, a partition holds several hosts, and they share what one of them may have.
    """
    if partitions == 1:
        return 0
    try:
        host = read_target(text).host
    except FetchError:
        return 0
    return zlib.crc32(host.encode()) % partitions
