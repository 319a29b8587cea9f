"""The answers of a site's admin API, as far as the commands use them: dataclasses, read from JSON by their types.

Each dataclass is one object of JSON: its fields have the names and types of the object's values, and `read` checks
them. Many programs listen on port 8081, so an answer that does not have these types raises NotASite.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, is_dataclass
from functools import cache, partial, reduce
from operator import or_
from types import NoneType
from typing import TypeVar, cast, get_args, get_origin

from services.client.admin.options import Value
from services.client.errors import FetchError

T = TypeVar("T")

MAX_S = 1e12  # of seconds: these are times of a clock, or times to live


class NotASite(FetchError):
    """An answer does not come from the admin API of a site."""

    def __init__(self) -> None:
        super().__init__("malformed_head", "what answers there is not the admin side of a site")


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a request: the field and the reason."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a request that is refused: a word for programs, and the problems for a person."""

    error: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class ActiveRule:
    """A rule of an active plan. `parameters`: the other values of the object; `remaining_s` None: no time to live."""

    fault: str
    parameters: Mapping[str, Value]
    seen: int
    fired: int
    remaining_s: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The active plan of a host."""

    host: str
    generation: int
    source: str
    faults: tuple[ActiveRule, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a fault: one of `choices`, or a number from `least` to `most`. `default` None: it has none."""

    name: str
    meaning: str
    required: bool
    choices: tuple[str, ...] | None
    least: Value | None
    most: Value | None
    default: Value | None

    def __post_init__(self) -> None:
        if self.choices == () or (self.choices is None and (self.least is None or self.most is None)):
            raise NotASite


@dataclass(frozen=True, slots=True)
class Kind:
    """One fault: what it counts, its bytes, and which connections or requests get it."""

    fault: str
    counts: str
    bytes: str
    needs_own_port: bool
    parameters: tuple[Parameter, ...]
    when: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Kinds:
    """Every fault, the `when` of most of them, and an explanation of the terms."""

    faults: tuple[Kind, ...]
    when: tuple[Parameter, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """An exchange. Times are in seconds; None: it has not ended, or it has no such value."""

    entry: int
    connection: int
    exchange: int
    peer: str
    tls: bool
    host: str
    request_head: str
    body_bytes: int
    body_sha256: str | None
    status: int | None
    response: str | None
    sent_bytes: int
    fault: str | None
    generation: int | None
    ended: str | None
    received_s: float
    ended_s: float | None


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of a journal: kept + dropped = total."""

    total: int
    kept: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Journal:
    """The counts of a journal, and entries of it, oldest first."""

    total: int
    kept: int
    dropped: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An entry that meets most criteria of a check, and those that it does not meet."""

    entry: int
    misses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A check that fails. `met`: entries that do meet it, of which there are too few, or the steps before."""

    check: str
    expected: str
    found: int
    reason: str | None
    nearest: tuple[NearMiss, ...]
    met: tuple[NearMiss, ...] | None


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether the journal meets the expectations, and the checks that fail if it does not."""

    verified: bool
    considered: int
    failures: tuple[Failure, ...]

    def __post_init__(self) -> None:
        if self.verified is bool(self.failures):
            raise NotASite


Reader = Callable[[object], object]
"""Returns a value of JSON as a field has it. Raises NotASite if it does not have the type of the field."""


def read(answer: type[T], data: object) -> T:
    """Return an object of JSON as this dataclass. Raises NotASite if a value does not have the type of its field."""
    type_: object = answer
    return cast("T", reader_of(type_)(data))


@cache
def reader_of(type_: object) -> Reader:
    """Return the reader of a type: a dataclass, a tuple, an optional type, or a type of READERS."""
    parts = get_args(type_)
    if isinstance(type_, type) and is_dataclass(type_):
        return partial(read_object, type_, {name: reader_of(each) for name, each in type_.__annotations__.items()})
    if NoneType in parts:
        return partial(read_optional, reader_of(reduce(or_, [each for each in parts if each is not NoneType])))
    if get_origin(type_) is tuple:
        return partial(read_list, reader_of(parts[0]))
    return READERS[type_]


def read_object(answer: Callable[..., object], readers: Mapping[str, Reader], data: object) -> object:
    """Return an object as a dataclass. A field that is a mapping gets the values that no other field has."""
    if not isinstance(data, dict):
        raise NotASite
    return answer(
        **{
            name: reader(without(data, readers.keys()) if reader is read_scalars else data.get(name))
            for name, reader in readers.items()
        }
    )


def read_optional(reader: Reader, value: object) -> object:
    """Return None for null, and for a name that is not there."""
    return None if value is None else reader(value)


def read_list(reader: Reader, value: object) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise NotASite
    return tuple(map(reader, value))


def read_scalars(value: object) -> dict[str, Value]:
    """Return an object of numbers and texts."""
    if not isinstance(value, dict):
        raise NotASite
    return {name: read_scalar(each) for name, each in value.items()}


def read_scalar(value: object) -> Value:
    """Return a number or a text."""
    if not isinstance(value, int | float | str):
        raise NotASite
    return value


def read_whole(value: object) -> int:
    """Return a whole number, 0 or more."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise NotASite
    return value


def read_number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > MAX_S:
        raise NotASite
    return value


def read_text(value: object) -> str:
    if not isinstance(value, str):
        raise NotASite
    return value


def read_truth(value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise NotASite
    return value


def without(data: Mapping[str, object], names: Set[str]) -> dict[str, object]:
    """Return an object without these names."""
    return {name: value for name, value in data.items() if name not in names}


READERS: Mapping[object, Reader] = {
    int: read_whole,
    float: read_number,
    str: read_text,
    bool: read_truth,
    Value: read_scalar,
    Mapping[str, Value]: read_scalars,
}
