"""The panels of a picture: the lanes of one run each, from its own beginning, and what else was recorded of it.

The processes of a trace that have one title are a panel. All without a title share one, since they worked together: a
client, workers, a server.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from services.client.report.lanes import Lane, Part, Span, lanes_of, places_at
from services.client.trace.chrome.merging import merged
from services.client.trace.model import Blocking, Depth, Dropped, HandOff, Lag, Mark, Phase, Process, Task, Trace
from services.runtime.terminal import printable

MOST_PANELS = 64


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a moment, from the panel's beginning."""

    at_s: float
    value: float


@dataclass(frozen=True, slots=True)
class Curve:
    """How something went: a queue's depth or the loop's lag."""

    name: str
    points: tuple[Point, ...]

    @property
    def most(self) -> float:
        """The largest value."""
        return max((each.value for each in self.points), default=0.0)


@dataclass(frozen=True, slots=True)
class Hold:
    """A call that held the loop: when, where in the code, and in which task; `key` is that of the task's lanes."""

    span: Span
    place: str
    function: str
    task: str
    key: tuple[int, int | None]


@dataclass(frozen=True, slots=True)
class Arrow:
    """A piece of work that went from one lane to another."""

    name: str
    kind: str
    from_key: tuple[int, int]
    from_s: float
    to_key: tuple[int, int]
    to_s: float


@dataclass(frozen=True, slots=True)
class Moment:
    """A retry, a redelivery, a cancellation or an error. `lane`: the name of its lane, or of a task without one."""

    key: tuple[int, int | None]
    at_s: float
    kind: str
    text: str
    lane: str


@dataclass(frozen=True, slots=True)
class Panel:
    """What one run did.

    `name`: of its first process; `total_s`: how long it took; `basis`: how several recordings came to one clock;
    `left_out`: how many panels there would be behind this one, had a page no bound.
    """

    title: str
    name: str
    loop: str
    mode: str
    total_s: float
    lanes: tuple[Lane, ...]
    depths: tuple[Curve, ...]
    lag: Curve
    holds: tuple[Hold, ...]
    arrows: tuple[Arrow, ...]
    moments: tuple[Moment, ...]
    dropped: Dropped
    overhead_s: float | None
    basis: str = ""
    left_out: int = 0

    @property
    def work(self) -> tuple[Lane, ...]:
        """The lanes that are the work itself: what is said of a panel, and its sums, are of these."""
        return tuple(lane for lane in self.lanes if not lane.is_aside)


def panels_of(traces: Sequence[Trace]) -> tuple[Panel, ...]:
    """Return the panels of traces, on one clock: one for each title of a trace, and one for all without a title."""
    whole = merged(traces)
    origins = [number for number, trace in enumerate(traces) for _ in trace.processes]
    runs: dict[tuple[int, str], list[Process]] = defaultdict(list)
    together: list[Process] = []
    for origin, each in zip(origins, whole.trace.processes, strict=True):
        (runs[origin, each.title] if each.title else together).append(each)
    found = [*runs.values(), together] if together else [*runs.values()]
    panels = [panel_of(whole.trace, each, basis=whole.basis if len(each) > 1 else "") for each in found[:MOST_PANELS]]
    if len(found) > MOST_PANELS:
        panels[-1] = replace(panels[-1], left_out=len(found) - MOST_PANELS)
    return tuple(panels)


def panel_of(trace: Trace, processes: Sequence[Process], *, basis: str = "") -> Panel:
    """Return the panel of some processes of a trace."""
    zero_s = min(each.began_s for each in processes)
    until_s = max(each.began_s + each.total_s for each in processes)
    ids = {each.id for each in processes}
    names = {(task.process, task.id): task.name for task in trace.tasks if task.process in ids}
    holds = holds_of([each for each in trace.blockings if each.process in ids], names, zero_s=zero_s)
    held = holds_by_lane(holds)
    arrows = arrows_of([each for each in trace.hand_offs if {each.from_process, each.to_process} <= ids], zero_s)
    lanes = [with_holds(lane, held) for lane in lanes_in(trace, processes, zero_s=zero_s)]
    overheads = [each.overhead_s for each in processes if each.overhead_s is not None]
    return Panel(
        title=" · ".join(filter(None, dict.fromkeys(each.title for each in processes))),
        name=processes[0].name,
        loop=joined(each.loop for each in processes),
        mode=joined(each.mode for each in processes),
        total_s=until_s - zero_s,
        lanes=tuple(with_aside(lanes, arrows)),
        depths=tuple(depths_of([each for each in trace.depths if each.process in ids], zero_s=zero_s)),
        lag=lag_of([each for each in trace.lags if each.process in ids], zero_s=zero_s),
        holds=holds,
        arrows=arrows,
        moments=moments_of(
            [each for each in trace.marks if each.process in ids], LaneNames(lanes, names), zero_s=zero_s
        ),
        dropped=Trace(tuple(processes)).dropped,
        overhead_s=sum(overheads) if overheads else None,
        basis=basis,
    )


def lanes_in(trace: Trace, processes: Sequence[Process], *, zero_s: float) -> Iterator[Lane]:
    """Yield the lanes of some processes of a trace, those of one process after those of another."""
    tasks, phases = defaultdict[int, list[Task]](list), defaultdict[int, list[Phase]](list)
    for task in trace.tasks:
        tasks[task.process].append(task)
    for phase in trace.phases:
        phases[phase.process].append(phase)
    for each in processes:
        own = Trace((each,), tuple(tasks[each.id]), tuple(phases[each.id]))
        yield from lanes_of(own, each.id, zero_s=zero_s, until_s=each.began_s + each.total_s)


def with_aside(lanes: Sequence[Lane], arrows: Sequence[Arrow]) -> Iterator[Lane]:
    """Yield lanes: where some say how they ended, or hand work on, the others are tasks of the libraries below."""
    ends = {key for arrow in arrows for key in (arrow.from_key, arrow.to_key)}
    is_work = [lane.says_end or lane.key in ends for lane in lanes]
    has_work = any(is_work)
    for lane, says in zip(lanes, is_work, strict=True):
        yield lane if says or not has_work else replace(lane, is_aside=True)


def joined(texts: Iterator[str]) -> str:
    """Return texts behind each other, each once, without control characters."""
    return printable(", ".join(filter(None, dict.fromkeys(texts))))


def depths_of(depths: Sequence[Depth], *, zero_s: float) -> Iterator[Curve]:
    """Yield the curve of each queue."""
    queues = defaultdict[str, list[Depth]](list)
    for each in sorted(depths, key=lambda each: each.at_s):
        queues[each.queue].append(each)
    for name, own in queues.items():
        yield Curve(name, tuple(Point(each.at_s - zero_s, each.depth) for each in own))


def lag_of(lags: Sequence[Lag], *, zero_s: float) -> Curve:
    """Return how late the timers of a loop were."""
    return Curve("", tuple(Point(each.at_s - zero_s, each.lag_s) for each in sorted(lags, key=lambda each: each.at_s)))


def holds_of(blockings: Sequence[Blocking], names: dict[tuple[int, int], str], *, zero_s: float) -> tuple[Hold, ...]:
    """Return the calls that held the loop, the longest first."""
    holds = [
        Hold(
            Span(each.begin_s - zero_s, each.end_s - zero_s),
            each.place,
            each.function,
            names.get((each.process, each.task), "") if each.task is not None else "",
            (each.process, each.task),
        )
        for each in blockings
    ]
    return tuple(sorted(holds, key=lambda hold: -hold.span.length_s))


Held = Mapping[tuple[int, int | None], tuple[Sequence[float], Sequence[Hold]]]
"""For each task, the calls of it that held the loop in the order of time, with when each began before them."""


def holds_by_lane(holds: Sequence[Hold]) -> Held:
    """Return the calls that held the loop by the task that made them."""
    found = defaultdict[tuple[int, int | None], list[Hold]](list)
    for hold in sorted(holds, key=lambda each: each.span.begin_s):
        found[hold.key].append(hold)
    return {key: ([each.span.begin_s for each in own], own) for key, own in found.items()}


def with_holds(lane: Lane, held: Held) -> Lane:
    """Return a lane with those of its task's calls that held the loop in its time."""
    begins_s, holds = held.get(lane.key, ((), ()))
    own = [holds[place] for place in places_at(begins_s, lane.span)]
    own = [each for each in own if each.span.begin_s < lane.span.end_s and each.span.end_s > lane.span.begin_s]
    return replace(lane, holds=tuple(Part(each.place, each.span) for each in own)) if own else lane


def arrows_of(hand_offs: Sequence[HandOff], zero_s: float) -> tuple[Arrow, ...]:
    """Return hand-offs, in the order of time."""
    return tuple(
        Arrow(
            each.name,
            each.kind,
            (each.from_process, each.from_task),
            each.from_s - zero_s,
            (each.to_process, each.to_task),
            each.to_s - zero_s,
        )
        for each in sorted(hand_offs, key=lambda each: each.from_s)
    )


class LaneNames:
    """Finds the name of the lane that a task has at a moment; `names`: of tasks, for one that has no lane then."""

    def __init__(self, lanes: Sequence[Lane], names: Mapping[tuple[int, int], str]) -> None:
        self._lanes, self._names = defaultdict[tuple[int, int | None], list[Lane]](list), names
        for lane in lanes:
            self._lanes[lane.key].append(lane)
        self._begins_s = {key: [lane.span.begin_s for lane in own] for key, own in self._lanes.items()}

    def at(self, key: tuple[int, int | None], at_s: float) -> str:
        """Return the name; empty where none is known."""
        process, task = key
        own = self._lanes.get(key, ())
        for place in places_at(self._begins_s.get(key, ()), Span(at_s, at_s)):
            if own[place].span.begin_s <= at_s <= own[place].span.end_s:
                return own[place].name
        return "" if task is None else self._names.get((process, task), "")


def moments_of(marks: Sequence[Mark], names: LaneNames, *, zero_s: float) -> tuple[Moment, ...]:
    """Return marks, in the order of time."""
    return tuple(
        Moment(key := (each.process, each.task), at_s := each.at_s - zero_s, each.kind, each.text, names.at(key, at_s))
        for each in sorted(marks, key=lambda each: each.at_s)
    )
