"""A trace: processes, their tasks, the slices of time in which these ran, and all else that was recorded of them.

Every time is in seconds from the trace's beginning, of a clock that never goes back (`time.perf_counter`, which is
CLOCK_MONOTONIC on Linux). Between two slices of a task, the task waits; the first of them says for what.

The ids of tasks count from 1 in each process: a task is known by both numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

MICROSECONDS = 6  # decimals of a second: what the clock is good for
MAX_TEXT = 200  # characters of a text that a recorded program gives


class Outcome(StrEnum):
    """How a task ended."""

    RETURNED = "returned"
    RAISED = "raised"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Slice:
    """A time in which a task ran, and what it then waited for.

    `awaits`: the innermost coroutine that then waited, or the kind of object that the task itself waited for; None
    where the task ended. `kind`: sleep, socket, lock, queue, task, thread, turn or other; empty where the task ended.
    `place`: file and line of the innermost await that is not in Python's own library; empty where none is known.
    """

    begin_s: float
    end_s: float
    awaits: str | None
    kind: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """A task: `id` counts from 1; `parent` is the id of the task that made it, None for the first.

    `end_s` and `outcome` are None where it had not ended when the trace did. `error`: of a task that raised one, its
    type and text. `note`: how the task's work ended, as `200 OK`; `ok`: whether that was well. `group`: the id of the
    task whose TaskGroup it is of.
    """

    id: int
    name: str
    parent: int | None
    begin_s: float
    end_s: float | None
    outcome: Outcome | None
    slices: tuple[Slice, ...]
    error: str = ""
    note: str = ""
    ok: bool = True
    process: int = 1
    group: int | None = None

    def slices_from(self, count: int) -> Sequence[Slice]:
        """Return the slices behind the first `count`."""
        return self.slices[count:]


class Phase(NamedTuple):
    """A part of a task's time that has a name, as `connect` or `head`. `task`: its id; None: it was not recorded.

    `note` and `ok`: how it ended, where a task does several pieces of work, a phase each. It is made while the program
    runs, so it is a tuple: a frozen dataclass takes longer to make.
    """

    name: str
    task: int | None
    begin_s: float
    end_s: float
    process: int = 1
    note: str = ""
    ok: bool = True


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment. `kind`: retry, redelivery, cancel or error. `task`: its id; None: it is of no recorded task."""

    task: int | None
    at_s: float
    kind: str
    text: str
    process: int = 1


@dataclass(frozen=True, slots=True)
class Depth:
    """How many items a queue had at a moment."""

    queue: str
    at_s: float
    depth: int
    process: int = 1


@dataclass(frozen=True, slots=True)
class HandOff:
    """A piece of work that one task gave and another took. `kind`: handoff or redelivery."""

    name: str
    from_task: int
    from_process: int
    from_s: float
    to_task: int
    to_process: int
    to_s: float
    kind: str = "handoff"


@dataclass(frozen=True, slots=True)
class Lag:
    """How late a timer of the loop was."""

    at_s: float
    lag_s: float
    process: int = 1


@dataclass(frozen=True, slots=True)
class Blocking:
    """A time in which one call held the loop, so that no task could run.

    `task`: the id of the task that ran; None: it was a callback, or a task that is not recorded. `place`: file and line
    of the call, `function` the function that it is in; both are empty where no sample of the call could be taken.
    """

    task: int | None
    begin_s: float
    end_s: float
    place: str
    function: str
    process: int = 1


@dataclass(frozen=True, slots=True)
class Clock:
    """One reading of both clocks, at the beginning of a process.

    `boot`: the id of the machine's start, since which `monotonic_s` counts; clocks with the same id are one clock.
    `unix_s`: the time of day; `error_s`: how far the two readings may be apart.
    """

    boot: str
    monotonic_s: float
    unix_s: float
    error_s: float


@dataclass(frozen=True, slots=True)
class Dropped:
    """How much was not recorded, because a trace has bounds. `events`: marks, depths, hand-offs, lags, blockings."""

    tasks: int = 0
    slices: int = 0
    phases: int = 0
    events: int = 0


@dataclass(frozen=True, slots=True)
class Process:
    """A process: one event loop, while it was recorded.

    Arguments:
        id: a 31-bit number, which no other process has.
        name: how a page names it, as `client wget`.
        program: what ran, as `wget`.
        loop: the loop's name.
        mode: `at once`, `one after another`, or empty.
        title: of a panel that shows it, or empty.
        begun: when its recording began, in UTC.
        began_s: the same, from the trace's beginning.
        total_s: how long it was recorded.
        clock: both clocks when it began.
        exit_code: how the program ended; None where that is not known.
        work_s: how long its tasks ran, all together, those that were dropped included.
        wait_s: how long its tasks waited, all together.
        overhead_s: how long the recorder itself took, as it reckons; None where it was not measured.
        dropped: what was not recorded.
    """

    id: int
    name: str
    program: str
    loop: str
    mode: str
    title: str
    begun: datetime
    began_s: float
    total_s: float
    clock: Clock
    exit_code: int | None = None
    work_s: float = 0.0
    wait_s: float = 0.0
    overhead_s: float | None = None
    dropped: Dropped = Dropped()


@dataclass(frozen=True, slots=True)
class Trace:
    """All that was recorded of one process, or of several that have been merged."""

    processes: tuple[Process, ...]
    tasks: tuple[Task, ...] = ()
    phases: tuple[Phase, ...] = ()
    marks: tuple[Mark, ...] = ()
    depths: tuple[Depth, ...] = ()
    hand_offs: tuple[HandOff, ...] = ()
    lags: tuple[Lag, ...] = ()
    blockings: tuple[Blocking, ...] = ()

    @property
    def has_begun(self) -> bool:
        """Whether its clock is the one of all its times: it always is."""
        return True

    @property
    def loop(self) -> str:
        """The name of the loop; of several, each once."""
        return ", ".join(dict.fromkeys(each.loop for each in self.processes))

    @property
    def begun(self) -> datetime:
        """When the first process began, in UTC."""
        return min((each.begun for each in self.processes), default=datetime.fromtimestamp(0, UTC))

    @property
    def total_s(self) -> float:
        """How long it is from the beginning of the trace to the end of its last process."""
        return max((each.began_s + each.total_s for each in self.processes), default=0.0)

    @property
    def dropped(self) -> Dropped:
        """What was not recorded, of all processes together."""
        counts = [each.dropped for each in self.processes]
        return Dropped(
            sum(each.tasks for each in counts),
            sum(each.slices for each in counts),
            sum(each.phases for each in counts),
            sum(each.events for each in counts),
        )


def bounded(text: str) -> str:
    """Return a text that a recorded program gave, cut to MAX_TEXT characters."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def as_json(trace: Trace) -> dict[str, object]:
    """Return tasks, their slices and phases as `client compare --format json` prints them; docs/lessons.md has them."""
    dropped = trace.dropped
    return {
        "loop": trace.loop,
        "begun": trace.begun.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "total_s": round(trace.total_s, MICROSECONDS),
        "tasks": [_task_json(task) for task in trace.tasks],
        "phases": [
            {"name": each.name, "task": each.task, "begin_s": _seconds(each.begin_s), "end_s": _seconds(each.end_s)}
            for each in trace.phases
        ],
        "dropped": {"tasks": dropped.tasks, "slices": dropped.slices, "phases": dropped.phases},
    }


def _task_json(task: Task) -> dict[str, object]:
    return {
        "id": task.id,
        "name": task.name,
        "parent": task.parent,
        "begin_s": _seconds(task.begin_s),
        "end_s": _seconds(task.end_s),
        "outcome": task.outcome,
        "slices": [
            {"begin_s": _seconds(each.begin_s), "end_s": _seconds(each.end_s), "awaits": each.awaits}
            for each in task.slices
        ],
    }


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, MICROSECONDS)
