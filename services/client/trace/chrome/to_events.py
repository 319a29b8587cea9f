"""Makes events of a trace: of one that is finished, or of a recorder, again and again what is new.

Everything on one tid has to nest. A phase may begin and end while its task runs, or while it waits; so runs and waits
are split there. Of two events that begin at the same time, a reader takes the first for the outer one; but a phase is
written when it ends, behind what lies in it. So a run and a wait begin one tick later than what was before them ended.
"""

import itertools
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from services.client.trace.chrome.events import (
    DEPTH_OF,
    IN_FLIGHT,
    TASKS,
    Event,
    blocking_event,
    counter,
    event,
    hand_off_events,
    mark_event,
    metadata,
    phase_event,
    plain,
    process_begin,
    process_end,
    run_event,
    wait_event,
)
from services.client.trace.chrome.feed import Feed, Lane, borders_of
from services.client.trace.chrome.times import ticks
from services.client.trace.model import Blocking, Depth, HandOff, Lag, Mark, Phase, Slice, Trace

BordersOf = Callable[[Lane], Sequence[float]]
"""Returns when phases of a task begin and end, in order."""

OTHERS = ("phases", "marks", "depths", "hand_offs", "lags", "blockings")


def events_of(trace: Trace) -> Iterator[Event]:
    """Yield all events of a finished trace."""
    maker = maker_of(trace, itertools.count(1))
    yield from maker.news()
    yield from maker.end()


def maker_of(feed: Feed, numbers: Iterator[int]) -> "EventMaker":
    """Return the maker of a feed's events. `numbers`: of arrows, which all feeds of one file share."""
    if not isinstance(feed, Trace):
        return EventMaker(feed, borders_of, numbers)
    borders = borders_by_task(feed.phases)
    return EventMaker(feed, lambda lane: borders.get((lane.process, lane.id), ()), numbers)


def borders_by_task(phases: Sequence[Phase]) -> dict[tuple[int, int], list[float]]:
    """Return of each task, by process and id, when its phases begin and end, in order."""
    found: dict[tuple[int, int], list[float]] = {}
    for phase in phases:
        if phase.task is not None:
            found.setdefault((phase.process, phase.task), []).extend((phase.begin_s, phase.end_s))
    for times in found.values():
        times.sort()
    return found


def parts(begin: int, end: int, borders: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield a time, split at the borders in it. `borders`: in order, in ticks as all of it."""
    for border in borders[bisect_right(borders, begin) : bisect_left(borders, end)]:
        if border > begin:
            yield begin + 1, border
            begin = border
    yield min(begin + 1, end), end


class Written:
    """What is written of one task by now. `last`: its last slice, of which the wait behind is not written yet."""

    __slots__ = (
        "_borders_s",
        "_known",
        "_late",
        "_phases",
        "_times",
        "borders",
        "lane",
        "last",
        "name",
        "ran_until",
        "seen",
        "slices",
    )

    def __init__(self, lane: Lane, borders_s: Sequence[float]) -> None:
        self.lane, self.name, self._borders_s = lane, lane.name, borders_s
        self.borders: list[int] = []
        self.slices = self.ran_until = self.seen = 0
        self.last: Slice | None = None
        self._known: set[int] = set()  # borders
        self._times: list[int] = []  # when its slices begin and end
        self._phases: list[tuple[int, int]] = []  # that have ended, without those that lie in another one
        self._late: dict[int, int] = {}  # borders in what was written before they were known, and the next time behind

    def begin(self, zero_s: float) -> Iterator[Event]:
        """Yield what the task's beginning is."""
        lane, at = self.lane, ticks(zero_s + self.lane.begin_s)
        yield metadata(lane.process, lane.id, at, name="thread_name", args={"name": plain(self.name)})
        made = event("B", lane.process, lane.id, at, name=self.name, cat="task")
        yield made | {"args": {"task": lane.id, "parent": lane.parent, "group": lane.group}}

    def news(self, zero_s: float) -> Iterator[Event]:
        """Yield the slices that are new, with the waits before them."""
        lane = self.lane
        slices = lane.slices_from(self.slices)
        self.slices += len(slices)
        self._look_for_borders(zero_s)  # only now: a border in a slice is known when the slice is
        for each in slices:
            begin, end = ticks(zero_s + each.begin_s), ticks(zero_s + each.end_s)
            yield from self.wait(begin)
            for part in parts(begin, end, self.borders):
                yield run_event(lane.process, lane.id, *part)
            self.last, self.ran_until = each, end
            self._times += (begin, end)

    def _look_for_borders(self, zero_s: float) -> None:
        new = {ticks(zero_s + each) for each in self._borders_s[self.seen :]} - self._known
        self.seen = len(self._borders_s)
        self._known |= new
        for border in sorted(new):
            if border < self.ran_until:
                self._late[border] = self._times[bisect_left(self._times, border)]
            else:
                insort(self.borders, border)

    def phase(self, begin: int, end: int) -> tuple[int, int]:
        """Return where a phase begins and ends that has ended now: behind the last one, unless it is around that.

        What tells of phases one after another may read its clock twice, and then they overlap by a moment.
        """
        begin, end = self._late.get(begin, begin), self._late.get(end, end)
        while self._phases and self._phases[-1][0] >= begin:
            self._phases.pop()
        if self._phases:
            begin = max(begin, self._phases[-1][1])
        end = max(begin, end)
        self._phases.append((begin, end))
        return begin, end

    def wait(self, until: int) -> Iterator[Event]:
        """Yield the wait behind the last slice, if that was not the end of what ran."""
        if self.last is not None and self.last.awaits is not None and until > self.ran_until:
            for part in parts(self.ran_until, until, self.borders):
                yield wait_event(self.lane.process, self.lane.id, *part, self.last)

    def end(self, at: int) -> Iterator[Event]:
        """Yield how the task ended."""
        lane = self.lane
        yield from self.wait(at)
        at = max(at, self.ran_until)  # the last slice may end a moment later than the task
        if lane.note:
            made = event("i", lane.process, lane.id, at, name=lane.note, cat="end")
            yield made | {"s": "t", "args": {"ok": lane.ok}}
        if lane.name != self.name:  # it was named after it had begun
            yield metadata(lane.process, lane.id, at, name="thread_name", args={"name": plain(lane.name)})
        ended = event("E", lane.process, lane.id, at, name=lane.name, cat="task")
        yield ended | {"args": {"outcome": lane.outcome, "error": plain(lane.error)}}


class EventMaker:
    """Makes the events of a feed: `news` what is new since the last call, `end` what the end of the run adds."""

    def __init__(self, feed: Feed, borders: BordersOf, numbers: Iterator[int]) -> None:
        self._feed, self._borders, self._numbers = feed, borders, numbers
        self._seen: Counter[str] = Counter()
        self._tasks: dict[tuple[int, int], Written] = {}
        self._unended: list[Written] = []
        self._in_flight: Counter[int] = Counter()
        self._zero_s: float | None = None

    def news(self) -> Iterator[Event]:
        """Yield the events that are new."""
        for process in self._new("processes"):
            if self._zero_s is None:  # the times of a feed are those of its first process
                self._zero_s = process.clock.monotonic_s - process.began_s
            yield from process_begin(process, self._at(process.began_s))
        # They are taken before the tasks, and made after: so each task that they name is known.
        others = [each for name in OTHERS for each in self._new(name)]
        yield from self._task_events()
        for each in others:
            yield from self._other(each)

    def end(self) -> Iterator[Event]:
        """Yield the waits of tasks that have not ended, and how each process ended."""
        ends = {process.id: self._at(process.began_s + process.total_s) for process in self._feed.processes}
        for written in self._unended:
            yield from written.wait(ends.get(written.lane.process, 0))
        for process in self._feed.processes:
            yield process_end(process, ends[process.id])

    def _new(self, name: str) -> Sequence[Any]:
        """Return what is new in a list of the feed."""
        found: Sequence[Any] = getattr(self._feed, name)[self._seen[name] :]
        self._seen[name] += len(found)
        return found

    def _at(self, at_s: float) -> int:
        return ticks((self._zero_s or 0.0) + at_s)

    def _task_events(self) -> Iterator[Event]:
        zero_s, changes = self._zero_s or 0.0, list[tuple[int, int, int]]()
        for lane in self._new("tasks"):
            written = Written(lane, self._borders(lane))
            self._unended.append(written)
            self._tasks[lane.process, lane.id] = written
            changes.append((self._at(lane.begin_s), lane.process, 1))
            yield from written.begin(zero_s)
        unended = list[Written]()
        for written in self._unended:
            end_s = written.lane.end_s  # before its slices: a task that has ended has them all
            yield from written.news(zero_s)
            if end_s is None:
                unended.append(written)
                continue
            changes.append((self._at(end_s), written.lane.process, -1))
            yield from written.end(self._at(end_s))
        self._unended = unended
        yield from self._in_flight_events(changes)

    def _in_flight_events(self, changes: list[tuple[int, int, int]]) -> Iterator[Event]:
        """Yield how many tasks are in flight after each change: when, of which process, by how much."""
        for at, process, by in sorted(changes):
            self._in_flight[process] += by
            value = self._in_flight[process]
            yield counter(process, at, name=TASKS, cat="tasks", series=IN_FLIGHT, value=value)

    def _other(self, each: object) -> Iterator[Event]:
        """Yield the events of what is no task."""
        match each:
            case Phase():
                written = self._tasks.get((each.process, each.task or 0))
                if written is not None:  # a task that was dropped has no lane
                    yield phase_event(each, *written.phase(self._at(each.begin_s), self._at(each.end_s)))
            case Mark():
                yield mark_event(each, self._at(each.at_s))
            case Depth():
                name = DEPTH_OF + each.queue
                at = self._at(each.at_s)
                yield counter(each.process, at, name=name, cat="queue", series="depth", value=each.depth)
            case HandOff():
                begin, end = self._at(each.from_s), self._at(each.to_s)
                yield from hand_off_events(each, begin, end, number=next(self._numbers))
            case Lag():
                ms = round(each.lag_s * 1e3, 3)
                yield counter(each.process, self._at(each.at_s), name="loop lag", cat="loop", series="ms", value=ms)
            case Blocking():
                written = self._tasks.get((each.process, each.task or 0))
                name = written.lane.name if written else ""
                yield blocking_event(each, self._at(each.begin_s), self._at(each.end_s), task=name)
