"""What the admin side of a site answers, as far as the commands use it: read from JSON into frozen dataclasses.

Many programs listen on port 8081. What is not of the documented shape was not said by a site, and raises Stranger.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from services.client.admin.options import Value
from services.client.errors import FetchError

Json = Mapping[str, object]
Item = TypeVar("Item")

MOST_S = 1e12  # of seconds: what is told in them is a clock's, or a time to live
RULE_STATE = frozenset({"seen", "fired", "remaining_s"})
"""What is told of a rule while it is in force, and cannot be set."""


class NotASite(FetchError):
    """What answered is not the admin side of a site."""

    def __init__(self) -> None:
        super().__init__("malformed_head", "what answers there is not the admin side of a site")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a request: the field and the reason."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class ActiveRule:
    """A rule of a plan, and what it has done; `remaining_s` None: it has no time to live."""

    fault: str
    parameters: Mapping[str, Value]
    seen: int
    fired: int
    remaining_s: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a host that is in force."""

    host: str
    generation: int
    source: str
    rules: tuple[ActiveRule, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a fault; `choices` None: a number from `least` to `most`; `default` None: there is none."""

    name: str
    meaning: str
    required: bool
    choices: tuple[str, ...] | None
    least: Value | None
    most: Value | None
    default: Value | None


@dataclass(frozen=True, slots=True)
class Kind:
    """A fault that there is: what it counts, its bytes, and who gets it."""

    fault: str
    counts: str
    bytes: str
    needs_own_port: bool
    parameters: tuple[Parameter, ...]
    when: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Kinds:
    """Every fault, who gets most of them, and what the words mean."""

    faults: tuple[Kind, ...]
    when: tuple[Parameter, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """An exchange. Times are in seconds; None: it has not ended, or nothing of the kind is known."""

    number: int
    connection: int
    exchange: int
    peer: str
    tls: bool
    request_head: str
    status: int | None
    sent_bytes: int
    fault: str | None
    generation: int | None
    ended: str | None
    received_s: float
    ended_s: float | None


@dataclass(frozen=True, slots=True)
class Counts:
    """What a journal holds."""

    total: int
    kept: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Journal:
    """Entries of a journal, oldest first."""

    counts: Counts
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An entry that came near what was expected, and what it misses."""

    number: int
    misses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """What is not as expected."""

    check: str
    expected: str
    found: int
    reason: str
    nearest: tuple[NearMiss, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the journal is as expected."""

    verified: bool
    considered: int
    failures: tuple[Failure, ...]


def text(data: Json, name: str) -> str:
    """Return a text of an object."""
    value = data.get(name)
    if not isinstance(value, str):
        raise NotASite
    return value


def whole(data: Json, name: str) -> int:
    """Return a whole number, 0 or more."""
    value = data.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise NotASite
    return value


def number(data: Json, name: str) -> float:
    """Return a number."""
    value = data.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > MOST_S:
        raise NotASite
    return value


def truth(data: Json, name: str) -> bool:
    """Return true or false."""
    value = data.get(name)
    if not isinstance(value, bool):
        raise NotASite
    return value


def scalar(value: object) -> Value:
    """Return a number or a text."""
    if not isinstance(value, int | float | str):
        raise NotASite
    return value


def or_none(read: Callable[[Json, str], Item], data: Json, name: str) -> Item | None:
    """Return what `read` returns; None where the object has null, or nothing, under that name."""
    return None if data.get(name) is None else read(data, name)


def items(data: Json, name: str) -> Sequence[object]:
    """Return a list."""
    value = data.get(name)
    if not isinstance(value, list):
        raise NotASite
    return value


def each(data: Json, name: str, read: Callable[[Json], Item]) -> tuple[Item, ...]:
    """Return what `read` makes of each object in a list."""
    return tuple(read(object_of(item)) for item in items(data, name))


def texts(data: Json, name: str) -> tuple[str, ...]:
    """Return a list of texts."""
    listed = items(data, name)
    if not all(isinstance(item, str) for item in listed):
        raise NotASite
    return tuple(map(str, listed))


def object_of(value: object) -> Json:
    """Return an object."""
    if not isinstance(value, dict):
        raise NotASite
    return value


def read_problem(data: Json) -> Problem:
    """Read what is wrong with a request."""
    return Problem(text(data, "field"), text(data, "reason"))


def read_problems(data: Json) -> tuple[Problem, ...]:
    """Read a refusal: a word for programs, and the problems."""
    text(data, "error")
    return each(data, "problems", read_problem)


def read_plan(data: Json) -> Plan:
    """Read the plan of a host."""
    return Plan(text(data, "host"), whole(data, "generation"), text(data, "source"), each(data, "faults", read_rule))


def read_rule(data: Json) -> ActiveRule:
    """Read a rule in force."""
    apart = RULE_STATE | {"fault"}
    return ActiveRule(
        text(data, "fault"),
        {name: scalar(value) for name, value in data.items() if name not in apart},
        whole(data, "seen"),
        whole(data, "fired"),
        or_none(number, data, "remaining_s"),
    )


def read_kinds(data: Json) -> Kinds:
    """Read every fault there is."""
    return Kinds(each(data, "faults", read_kind), each(data, "when", read_parameter), texts(data, "notes"))


def read_kind(data: Json) -> Kind:
    """Read a fault."""
    return Kind(
        text(data, "fault"),
        text(data, "counts"),
        text(data, "bytes"),
        truth(data, "needs_own_port"),
        each(data, "parameters", read_parameter),
        each(data, "when", read_parameter),
    )


def read_parameter(data: Json) -> Parameter:
    """Read a parameter of a fault."""
    least, most, default = (
        None if data.get(name) is None else scalar(data[name]) for name in ("least", "most", "default")
    )
    choices = or_none(texts, data, "choices")
    if choices == () or (choices is None and (least is None or most is None)):
        raise NotASite
    return Parameter(text(data, "name"), text(data, "meaning"), truth(data, "required"), choices, least, most, default)


def read_counts(data: Json) -> Counts:
    """Read what a journal holds."""
    return Counts(whole(data, "total"), whole(data, "kept"), whole(data, "dropped"))


def read_journal(data: Json) -> Journal:
    """Read entries of a journal."""
    return Journal(read_counts(data), each(data, "entries", read_entry))


def read_entry(data: Json) -> Entry:
    """Read an entry."""
    return Entry(
        whole(data, "entry"),
        whole(data, "connection"),
        whole(data, "exchange"),
        text(data, "peer"),
        truth(data, "tls"),
        text(data, "request_head"),
        or_none(whole, data, "status"),
        whole(data, "sent_bytes"),
        or_none(text, data, "fault"),
        or_none(whole, data, "generation"),
        or_none(text, data, "ended"),
        number(data, "received_s"),
        or_none(number, data, "ended_s"),
    )


def read_verdict(data: Json) -> Verdict:
    """Read a verdict: verified, or failures that say why not."""
    verdict = Verdict(truth(data, "verified"), whole(data, "considered"), each(data, "failures", read_failure))
    if verdict.verified is bool(verdict.failures):
        raise NotASite
    return verdict


def read_failure(data: Json) -> Failure:
    """Read what is not as expected."""
    return Failure(
        text(data, "check"),
        text(data, "expected"),
        whole(data, "found"),
        or_none(text, data, "reason") or "",
        each(data, "nearest", read_near_miss),
    )


def read_near_miss(data: Json) -> NearMiss:
    """Read an entry that came near."""
    return NearMiss(whole(data, "entry"), texts(data, "misses"))
