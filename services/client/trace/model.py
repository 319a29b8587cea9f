"""A trace: tasks, the slices of time in which they ran, and the phases of their time that have a name.

Every time is in seconds from the trace's beginning, of a clock that never goes back. Between two slices of a task,
the task waits; `Slice.awaits` says for what.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

MICROSECONDS = 6  # decimals of a second: what the clock is good for


class Outcome(StrEnum):
    """How a task ended."""

    RETURNED = "returned"
    RAISED = "raised"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Slice:
    """A time in which a task ran.

    `awaits`: the innermost coroutine that then waited, or the kind of object that the task itself waited for; None
    where the task ended.
    """

    begin_s: float
    end_s: float
    awaits: str | None


@dataclass(frozen=True, slots=True)
class Task:
    """A task: `id` counts from 1; `parent` is the id of the task that made it, None for the first.

    `end_s` and `outcome` are None where it had not ended when the trace did.
    """

    id: int
    name: str
    parent: int | None
    begin_s: float
    end_s: float | None
    outcome: Outcome | None
    slices: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a task's time that has a name, as `connect` or `head`. `task`: its id; None: it was not recorded."""

    name: str
    task: int | None
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Dropped:
    """How much was not recorded, because a trace has bounds."""

    tasks: int = 0
    slices: int = 0
    phases: int = 0


@dataclass(frozen=True, slots=True)
class Trace:
    """All tasks of one loop while they were recorded. `begun`: when, in UTC; `total_s`: how long."""

    loop: str
    begun: datetime
    total_s: float
    tasks: tuple[Task, ...]
    phases: tuple[Phase, ...]
    dropped: Dropped


def as_json(trace: Trace) -> dict[str, object]:
    """Return a trace as JSON has it: the fields of the classes above, by their names."""
    made: dict[str, object] = asdict(trace, dict_factory=_object)
    return made


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return {name: _value(value) for name, value in pairs}


def _value(value: object) -> object:
    match value:
        case float():
            return round(value, MICROSECONDS)
        case datetime():
            return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case _:
            return value
