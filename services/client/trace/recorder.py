"""The recorder of one event loop: a task factory whose tasks time themselves, and all else that is told to it.

This works alike on every Python and on both loops, and costs nothing where no recorder runs. `record` records one task
and its descendants, and not the tasks of a server on the same loop. `begin` and `end` record what is told (`lane`,
`running_in`); `services.client.trace.program` records every task of a loop.

Its lists only grow, and only up to bounds; what is beyond them is counted. So a file can be written while it records.
"""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any, TypeVar

from services.client.defaults import HELD_S
from services.client.trace.facts import NO_NAME, Point, Program
from services.client.trace.model import (
    Blocking,
    Depth,
    Dropped,
    HandOff,
    Lag,
    Mark,
    Phase,
    Process,
    Trace,
)
from services.client.trace.pieces import NOT_SAID, Ended, Piece
from services.client.trace.process import RecordedProcess, slice_cost_s
from services.client.trace.tasks.chains import name_of_work
from services.client.trace.tasks.held_loop import LoopWatch
from services.client.trace.tasks.notes import Notes
from services.client.trace.tasks.recorded import AnyCoroutine, Recorded
from services.client.trace.tasks.task_factory import task_factory
from services.client.trace.tasks.track import Track
from services.client.trace.tasks.tracks import Tracks

MAX_TASKS = 10_000
MAX_SLICES = 100_000
MAX_PHASES = 100_000

# Tasks that no person has made, but the loop.
OF_THE_LOOP = ("shutdown_asyncgens", "shutdown_default_executor", "._accept_connection2", "._create_server_getaddrinfo")

Result = TypeVar("Result")


class Recorder:
    """Records tasks on one loop, within bounds: what is beyond them is only counted.

    Arguments:
        program: what is recorded.
        places: whether of each wait the function and the line are noted, which takes about as long again.
        held_s: how long a call may hold the loop.
        most_tasks, most_slices, most_phases: the bounds.
    """

    def __init__(
        self,
        program: Program = NO_NAME,
        *,
        places: bool = True,
        held_s: float = HELD_S,
        most_tasks: int = MAX_TASKS,
        most_slices: int = MAX_SLICES,
        most_phases: int = MAX_PHASES,
    ) -> None:
        self.places, self.held_s = places, held_s
        self.own = RecordedProcess(program)
        self.kept = Tracks(process=self.own.number, most_tasks=most_tasks, most_slices=most_slices)
        self.notes = Notes(process=self.own.number, most_phases=most_phases)
        # What a trace has, as it is so far. The writer of a live trace reads these.
        self.tasks: Sequence[Track] = self.kept.tracks
        self.phases: Sequence[Phase] = self.notes.phases
        self.marks: Sequence[Mark] = self.notes.marks
        self.depths: Sequence[Depth] = self.notes.depths
        self.hand_offs: Sequence[HandOff] = self.notes.hand_offs
        self.lags: Sequence[Lag] = self.notes.lags
        self.blockings: Sequence[Blocking] = self.notes.blockings
        self.is_on = self.has_begun = False
        self.running: Recorded[Any] | None = None  # the coroutine that runs now
        self._takes_next = self._takes_all = False
        self._watch = LoopWatch(self)

    @property
    def total_s(self) -> float:
        """How long it has recorded."""
        return self.own.total_s

    @property
    def zero_s(self) -> float:
        """When it began, by the clock."""
        return self.own.zero_s

    @property
    def dropped(self) -> Dropped:
        """What was not recorded so far."""
        kept, notes = self.kept, self.notes
        return Dropped(kept.dropped_tasks, kept.dropped_slices, notes.phases.dropped, notes.dropped_events)

    @property
    def processes(self) -> tuple[Process, ...]:
        """The process that is recorded, as the only one."""
        return (self.process,)

    @property
    def process(self) -> Process:
        """The process that is recorded. How long its tasks ran and waited is in it only when it has ended."""
        return self.own.as_process(self.tasks, self.dropped, cost_s=self._cost_s)

    def _cost_s(self, slices: int) -> float:
        """Return how long it took to record so many slices, in seconds."""
        measured = Recorder(places=self.places)
        measured.is_on = True
        cost_s = slice_cost_s(lambda work: Recorded(work, measured.lane(""), measured), places=self.places)
        return slices * cost_s + self._watch.cpu_s

    def trace(self) -> Trace:
        """Return what was recorded so far."""
        return Trace(
            self.processes,
            tuple(track.as_task() for track in self.tasks),
            tuple(self.phases),
            tuple(self.marks),
            tuple(self.depths),
            tuple(self.hand_offs),
            tuple(self.lags),
            tuple(self.blockings),
        )

    # Recording.

    async def record(self, work: Coroutine[Any, Any, Result], *, name: str = "main") -> Result:
        """Run `work` as a task of this name, and record it and its descendants. May be called once.

        Returns what `work` returns, and raises what it raises. A cancellation is passed on to it.
        """
        loop = asyncio.get_running_loop()
        before = loop.get_task_factory()
        factory = task_factory(self, before)
        self.begin(loop)
        self._takes_next = True
        loop.set_task_factory(factory)
        try:
            return await loop.create_task(work, name=name)
        finally:
            self.end()
            if loop.get_task_factory() is factory:  # else another recorder began later, and will end later
                loop.set_task_factory(before)

    def begin(self, loop: asyncio.AbstractEventLoop, *, all_tasks: bool = False) -> None:
        """Record from now on. `all_tasks`: not only those that recorded tasks make."""
        self.own.begin(loop)
        self._takes_all, self.has_begun = all_tasks, True
        if loop.is_running():
            self.goes_on(loop)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record inside what is told, on the running loop."""
        self.begin(asyncio.get_running_loop())
        try:
            yield
        finally:
            self.end()

    def end(self) -> None:
        """Record no longer."""
        self.own.end()
        self.is_on = False
        self._watch.stop()

    def goes_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Record again after `end`, or before the loop runs for the first time; this is called in its thread."""
        self.own.goes_on()
        self.is_on = True
        self._watch.start(loop)

    def wrapped(self, coroutine: AnyCoroutine[Any], *, group: int | None) -> "Recorded[Any] | None":
        """Return the coroutine of a new task in a wrapper; None where the task is not to be recorded.

        `group`: the id of the task whose TaskGroup it is of.
        """
        if not (self._takes_all or (self.is_on and (self.running or self._takes_next))):
            return None
        name = name_of_work(coroutine)
        if self._takes_all and (name.endswith(OF_THE_LOOP) or self.kept.drops_task()):
            return None
        self._takes_next = False
        track = self._track(name, parent=self.running.track.id if self.running else None)
        track.group = group
        return Recorded(coroutine, track, self)

    def _track(self, name: str, *, parent: int | None) -> Track:
        return self.kept.new(name, parent=parent, begin_s=perf_counter(), zero_s=self.zero_s)

    # What is told.

    def lane(self, name: str, *, parent: int | None = None) -> Track:
        """Return the track of work that is told, and is no task of its own here. `parent`: the task that made it."""
        return self._track(name, parent=parent)

    def followed(self, coroutine: Coroutine[Any, Any, Result]) -> Coroutine[Any, Any, Result]:
        """Return a coroutine for a task that is recorded only while it is in a lane: see `running_in`."""
        return Recorded(coroutine, self.kept.unrecorded(), self)

    def running_in(self, track: Track) -> "InLane":
        """Return a context, inside which what the running task does is recorded as that of a lane."""
        return InLane(self, track)

    @contextmanager
    def phase(self, name: str) -> Iterator[Piece]:
        """Record the time inside as a phase of the running task; how it ended may be set in what this yields."""
        begin_s, track = perf_counter(), self._running_track()
        if track:
            track.borders.append(begin_s - self.zero_s)
        piece = Piece()
        try:
            yield piece
        finally:
            self.phase_ended(name, begin_s, track=track, ended=piece.ended)

    def phase_ended(self, name: str, begin_s: float, *, track: Track | None = None, ended: Ended = NOT_SAID) -> None:
        """Note a phase that ends now, of a task (None: the running one). `begin_s`: by the clock."""
        times = begin_s - self.zero_s, self._now_s()
        self.notes.phase(track or self._running_track(), name, begin_s=times[0], end_s=times[1], ended=ended)

    def finish(self, note: str, *, ok: bool) -> None:
        """Note how the running task's work ended."""
        if track := self._running_track():
            track.finish(note, ok=ok)

    def _running_track(self) -> Track | None:
        return self.running.track if self.running else None

    def mark(self, kind: str, text: str) -> None:
        """Note a moment of the running task. `kind`: retry, redelivery, cancel or error."""
        self.mark_of(self._running_track(), kind, text)

    def mark_of(self, track: Track | None, kind: str, text: str, *, at_s: float | None = None) -> None:
        """Note a moment of a task. `at_s`: when, by the clock (None: now)."""
        self.notes.mark(track, kind, text, at_s=self._now_s() if at_s is None else at_s - self.zero_s)

    def depth(self, queue: str, depth: int) -> None:
        """Note how many items a queue has now."""
        self.notes.depth(queue, depth, at_s=self._now_s())

    def point(self) -> Point | None:
        """Return this moment of the running task, for a hand-off; None where it is not recorded."""
        track = self._running_track()
        return Point(track.id, track.process, self._now_s()) if track and track.is_recorded else None

    def handed_off(self, name: str, given: Point, taken: Point, *, kind: str = "handoff") -> None:
        """Note a piece of work that was given at one point and taken at another. `kind`: handoff or redelivery."""
        self.notes.handed_off(name, given, taken, kind=kind)

    def note_lag(self, lag_s: float) -> None:
        """Note how late the loop is."""
        self.notes.lag(lag_s, at_s=self._now_s())

    def held(self, recorded: "Recorded[Any]", end_s: float) -> None:
        """Note that a task has held the loop until then, by the clock, for longer than the bound."""
        if self.is_on:
            at = self._watch.place_of(recorded.began_s)
            self.note_blocking(recorded.track, recorded.began_s, end_s, at)

    def note_blocking(self, track: Track | None, begin_s: float, end_s: float, at: tuple[str, str]) -> None:
        """Note that one call has held the loop. Times by the clock; `at`: place and function."""
        self.notes.blocking(track, at, begin_s=begin_s - self.zero_s, end_s=end_s - self.zero_s)

    def _now_s(self) -> float:
        return perf_counter() - self.zero_s


class InLane:
    """The context in which the running task is recorded in a lane. It is made for every fetch of a survey."""

    __slots__ = ("_before", "_recorded", "_recorder", "_track")

    def __init__(self, recorder: Recorder, track: Track) -> None:
        self._recorder, self._track, self._recorded = recorder, track, recorder.running

    def __enter__(self) -> None:
        if self._recorded is not None:
            self._before = self._recorded.track
            self._go_on_in(self._recorded, self._track)

    def __exit__(self, *_: object) -> None:
        if self._recorded is not None:
            self._go_on_in(self._recorded, self._before)

    def _go_on_in(self, recorded: Recorded[Any], track: Track) -> None:
        now = perf_counter()
        self._recorder.kept.keep_slice(recorded.track, recorded.began_s, now)
        recorded.go_on_in(track, now)
