"""The lanes of a picture: one for each piece of work, with the times in which it ran and those in which it waited.

A piece of work is a task. But where a program says of its phases how they ended (`Phase.note`), each of these phases is
a piece of work: then one task does several pieces, one after another, and each gets its own lane.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from services.client.trace.model import Outcome, Phase, Slice, Task, Trace

WAITS_FOR_TASK = "task"
OWN = ("wget", "hello", "compare", "pipeline")  # in programs of other people, every task is of interest


@dataclass(frozen=True, slots=True)
class Span:
    """A time, from the panel's beginning."""

    begin_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end_s - self.begin_s


@dataclass(frozen=True, slots=True)
class Part:
    """A named part of a lane's time, as `connect`."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Lane:
    """A line of the picture.

    Arguments:
        name: what it is called.
        key: the process and the task that it belongs to.
        span: from its beginning to its end.
        runs: the times in which it ran.
        parts: its phases.
        note: how its work ended, as `200 OK`; of one that failed, the error's words; empty where it did not say.
        ok: whether that was well.
        is_open: whether it had not ended when the recording did.
        outcome: of a lane that is a whole task, how this ended.
        waits_on: what it waited for longest: a kind and a place, either may be empty.
        for_tasks_s: how long it waited for other tasks, whose own lanes show what they did.
        says_end: whether its program says how its work ended; a task of a library, say, does not.
        holds: the times in which a call of it held the loop, each with the place of the call.
        is_aside: whether it is a task of a library below, where other lanes are the work itself.
    """

    name: str
    key: tuple[int, int]
    span: Span
    runs: tuple[Span, ...]
    parts: tuple[Part, ...]
    note: str = ""
    ok: bool = True
    is_open: bool = False
    waits_on: tuple[str, str] = ("", "")
    for_tasks_s: float = 0.0
    says_end: bool = False
    holds: tuple[Part, ...] = ()
    is_aside: bool = False
    outcome: Outcome | None = None

    @property
    def run_s(self) -> float:
        """How long it ran."""
        return sum(each.length_s for each in self.runs)

    @property
    def wait_s(self) -> float:
        """How long it waited for something that is no task."""
        return max(0.0, self.span.length_s - self.run_s - self.for_tasks_s)


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait of a task: its time, and what it was for."""

    span: Span
    kind: str
    place: str


class TaskTimes:
    """When one task ran and waited, in order; `zero_s`: the panel's beginning in the trace."""

    def __init__(self, task: Task, *, zero_s: float, until_s: float) -> None:
        self.task = task
        self.end_s = (until_s if task.end_s is None else task.end_s) - zero_s
        self.runs = [Span(each.begin_s - zero_s, each.end_s - zero_s) for each in task.slices]
        self.waits = list(self._waits(task.slices))
        self._run_begins_s = [each.begin_s for each in self.runs]
        self._wait_begins_s = [each.span.begin_s for each in self.waits]
        self.begin_s = task.begin_s - zero_s

    def _waits(self, slices: Sequence[Slice]) -> Iterator[Wait]:
        for number, (each, ran) in enumerate(zip(slices, self.runs, strict=True)):
            ends_s = self.runs[number + 1].begin_s if number + 1 < len(self.runs) else self.end_s
            if each.awaits is not None:
                yield Wait(Span(ran.end_s, ends_s), each.kind, each.place)

    def lane(self, name: str, span: Span, parts: tuple[Part, ...], *, note: str, ok: bool, is_open: bool) -> Lane:
        """Return the lane of what the task did in a time."""
        lengths: dict[tuple[str, str], float] = defaultdict(float)
        for place in places_at(self._wait_begins_s, span):
            wait = self.waits[place]
            if shared := shared_of(wait.span, span):
                lengths[wait.kind, wait.place] += shared.length_s
        waits_on = max(lengths, key=lengths.__getitem__, default=("", ""))
        for_tasks_s = sum(length for (kind, _), length in lengths.items() if kind == WAITS_FOR_TASK)
        runs = [
            shared for place in places_at(self._run_begins_s, span) if (shared := shared_of(self.runs[place], span))
        ]
        key = (self.task.process, self.task.id)
        return Lane(name, key, span, tuple(runs), parts, note, ok, is_open, waits_on, for_tasks_s)


def places_at(begins_s: Sequence[float], time: Span) -> range:
    """Return the places of those that can share a time, of things whose beginnings are in order."""
    return range(max(0, bisect_left(begins_s, time.begin_s) - 1), bisect_right(begins_s, time.end_s))


def shared_of(one: Span, other: Span) -> Span | None:
    """Return the time that two times share; None where there is none."""
    begin_s, end_s = max(one.begin_s, other.begin_s), min(one.end_s, other.end_s)
    return Span(begin_s, end_s) if begin_s <= end_s else None


def lanes_of(trace: Trace, process: int, *, zero_s: float, until_s: float) -> list[Lane]:
    """Return the lanes of a process, in the order of their beginnings.

    `zero_s`, `until_s`: the beginning of the panel and the end of the recording, from the trace's beginning.
    """
    phases: dict[int | None, list[Phase]] = defaultdict(list)
    for phase in trace.phases:
        if phase.process == process:
            phases[phase.task].append(phase)
    times = [TaskTimes(task, zero_s=zero_s, until_s=until_s) for task in trace.tasks if task.process == process]
    if any(each.note for group in phases.values() for each in group):
        lanes = [lane for each in times for lane in pieces_of(each, phases[each.task.id], zero_s=zero_s)]
    else:
        program = next((each.program for each in trace.processes if each.id == process), "")
        hidden = roots_of([each.task for each in times]) if program in OWN else set()
        lanes = [task_lane(each, phases[each.task.id], zero_s=zero_s) for each in times if each.task.id not in hidden]
    return sorted(lanes, key=lambda lane: lane.span.begin_s)


def roots_of(tasks: Sequence[Task]) -> set[int]:
    """Return the tasks that only make others, and wait for them: the first of each process, if it has children."""
    parents = {task.parent for task in tasks}
    return {task.id for task in tasks if task.parent is None and task.id in parents}


def pieces_of(times: TaskTimes, phases: Sequence[Phase], *, zero_s: float) -> Iterator[Lane]:
    """Yield a lane for each phase that says how it ended; the phases within its time are its parts."""
    rest = sorted((each for each in phases if not each.note), key=lambda each: each.begin_s)
    begins_s = [each.begin_s for each in rest]
    for piece in phases:
        if piece.note:
            span = Span(piece.begin_s - zero_s, piece.end_s - zero_s)
            first, behind = bisect_left(begins_s, piece.begin_s), bisect_right(begins_s, piece.end_s)
            within = [each for each in rest[first:behind] if each.end_s <= piece.end_s]
            parts = parts_of(within, zero_s=zero_s)
            lane = times.lane(piece.name, span, parts, note=piece.note, ok=piece.ok, is_open=False)
            yield replace(lane, says_end=True)


def task_lane(times: TaskTimes, phases: Sequence[Phase], *, zero_s: float) -> Lane:
    """Return the lane of a whole task."""
    task = times.task
    lane = times.lane(
        task.name,
        Span(times.begin_s, times.end_s),
        parts_of(phases, zero_s=zero_s),
        note=task.note or task.error,
        ok=task.ok and task.outcome != Outcome.RAISED,
        is_open=task.end_s is None,
    )
    return replace(lane, says_end=bool(task.note), outcome=task.outcome)


def parts_of(phases: Sequence[Phase], *, zero_s: float) -> tuple[Part, ...]:
    """Return phases as parts of a lane."""
    return tuple(Part(each.name, Span(each.begin_s - zero_s, each.end_s - zero_s)) for each in phases)
