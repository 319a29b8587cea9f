"""What a worker tells of its jobs: no I/O, and nothing that a hostile worker sends is taken for more than it is.

A message is a JSON object. It says how many jobs were told before it, so that the producer knows how many are lost.
"""

import json
from dataclasses import asdict, dataclass
from math import isfinite
from typing import NamedTuple

from services.client.pipeline.jetstream.messages import Undecodable
from services.client.trace.model import Clock, Outcome, bounded

MAX_JOBS = 500  # that one message tells of
MAX_BYTES = 1 << 20
MOST_WHOLE = 2**53


class Began(NamedTuple):
    """A worker began a job. `deliveries`: how often it had been delivered; `at_s`: by the worker's monotonic clock."""

    id: int
    deliveries: int
    at_s: float


class Ended(NamedTuple):
    """A worker ended a job. `note`, `ok`: what came of it, as `200 OK`, and whether that is what was asked."""

    id: int
    deliveries: int
    at_s: float
    outcome: str
    note: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Teller:
    """The worker that tells. `process`: a number that no other process of the trace has."""

    worker: str
    process: int
    loop: str
    clock: Clock


@dataclass(frozen=True, slots=True)
class Told:
    """A message. `before`: how many jobs this worker told before it."""

    teller: Teller
    before: int
    jobs: tuple[Began | Ended, ...]


def encode_told(told: Told) -> bytes:
    return json.dumps({**asdict(told.teller), "before": told.before, "jobs": told.jobs}).encode()


def decode_told(data: bytes) -> Told:
    """Return what a worker tells. Raises Undecodable."""
    try:
        members = json.loads(data) if len(data) <= MAX_BYTES else None
        if not isinstance(members, dict):
            raise Undecodable("it is no object of a bounded size")
        clock = members["clock"]
        read = Clock(text(clock["boot"]), *(number(clock[f"{name}_s"]) for name in ("monotonic", "unix", "error")))
        teller = Teller(text(members["worker"]), whole(members["process"], 2**31 - 1), text(members["loop"]), read)
        jobs = members["jobs"]
        if not isinstance(jobs, list) or len(jobs) > MAX_JOBS:
            raise Undecodable(f"its jobs are no list of {MAX_JOBS} at most")
        return Told(teller, whole(members["before"]), tuple(job(each) for each in jobs))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Undecodable(str(error)) from error


def job(members: object) -> Began | Ended:
    """Return what is told of a job. Raises ValueError, TypeError."""
    if not isinstance(members, list) or len(members) not in {len(Began._fields), len(Ended._fields)}:
        raise TypeError("a job is no array of its members")
    began = Began(whole(members[0]), whole(members[1]), number(members[2]))
    if len(members) == len(Began._fields):
        return began
    if not isinstance(members[5], bool):
        raise TypeError("whether it is ok is neither true nor false")
    return Ended(*began, Outcome(members[3]), text(members[4]), members[5])


def whole(value: object, most: int = MOST_WHOLE) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("a number is not whole, or out of its bounds")
    return value


def number(value: object) -> float:
    if type(value) not in {int, float} or not isfinite(value):  # type: ignore[arg-type] # it is a number
        raise ValueError("a time is no number")
    return float(value)  # type: ignore[arg-type]


def text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is none")
    return bounded(value)
