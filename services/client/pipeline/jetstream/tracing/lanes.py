"""What workers tell, as processes and lanes of a trace: a process for each worker, a lane for each delivery of a job.

A job that is delivered again has two lanes, or more, and an arrow from each to the next. The lane of a worker that was
killed has no end that it could tell: it ends where the job was begun again, once nothing was heard of that worker for a
while. A worker that is only slow goes on in its lane.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from services.client.pipeline.jetstream.tracing.told import Began, Ended, Teller, Told
from services.client.trace.chrome.merging import is_same_clock, translated
from services.client.trace.facts import Point
from services.client.trace.model import (
    Blocking,
    Clock,
    Depth,
    Dropped,
    HandOff,
    Lag,
    Mark,
    Outcome,
    Phase,
    Process,
    Slice,
    Task,
    Trace,
)
from services.client.trace.recorder import MAX_TASKS

SILENT_S = 2.0  # a worker of which nothing was heard for so long was killed; one that lives tells each half second
MAX_WORKERS = 1_000
MAX_GIVEN = 100_000  # jobs that were put and not begun yet
KILLED = "its worker ended without a result"


@dataclass(slots=True)
class JobLane:
    """A delivery of a job: a task of the trace, as far as it is told. Of its slices nothing is told."""

    id: int
    name: str
    process: int
    begin_s: float
    end_s: float | None = None
    outcome: Outcome | None = None
    note: str = ""
    ok: bool = True
    borders: list[float] = field(default_factory=list)
    parent: int | None = None
    group: int | None = None
    error: str = ""

    def slices_from(self, _count: int) -> tuple[Slice, ...]:
        """Return no slices."""
        return ()

    def as_task(self) -> Task:
        """Return the lane as a trace has it that grows no more."""
        how_it_ended = (self.end_s, self.outcome)
        return Task(
            self.id, self.name, None, self.begin_s, *how_it_ended, (), note=self.note, ok=self.ok, process=self.process
        )


@dataclass(slots=True)
class Worker:
    """A worker that tells. `later_s`: what its clock is behind ours; `jobs`: how many it has told."""

    process: Process
    later_s: float
    jobs: int = 0
    missed: int = 0
    lanes: int = 0
    left_out: int = 0
    last_s: float = 0.0
    wait_s: float = 0.0
    open: dict[tuple[int, int], JobLane] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Redelivery:
    """A lane that follows another one of the same job."""

    worker: Worker
    before: JobLane
    after: JobLane


class WorkerLanes:
    """What workers have told, in the shape of a trace that grows (`Feed`).

    Arguments:
        clock: of the producer when its trace began; all times are from there.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._workers: dict[int, Worker] = {}
        self._given: dict[int, Point] = {}
        self._last: dict[int, tuple[Worker, JobLane]] = {}  # of each job, its last lane
        self._redeliveries: list[Redelivery] = []  # without an arrow: the lane before has no end yet
        self.tasks: list[JobLane] = []
        self.phases: list[Phase] = []
        self.marks: list[Mark] = []
        self.hand_offs: list[HandOff] = []
        self.depths: list[Depth] = []
        self.lags: list[Lag] = []
        self.blockings: list[Blocking] = []

    @property
    def has_begun(self) -> bool:
        """Whether its clock is known: it is the producer's, which has begun."""
        return True

    @property
    def processes(self) -> tuple[Process, ...]:
        """The workers, as far as they have told."""
        return tuple(process_of(each) for each in self._workers.values())

    @property
    def is_incomplete(self) -> bool:
        """Whether a job was put that no worker has told of, or one has begun and not ended."""
        return bool(self._given) or any(each.open for each in self._workers.values())

    def trace(self) -> Trace:
        """Return what was told so far."""
        tasks = tuple(each.as_task() for each in self.tasks)
        return Trace(self.processes, tasks, tuple(self.phases), tuple(self.marks), (), tuple(self.hand_offs))

    def given(self, number: int, point: Point | None) -> None:
        """Note where a job was put."""
        if point is not None and len(self._given) < MAX_GIVEN:
            self._given[number] = point

    def take(self, told: Told, now_s: float) -> None:
        """Take a message that has come now, by our clock."""
        worker = self._workers.get(told.teller.process) or self._new_worker(told.teller)
        if worker is None:
            return
        worker.missed += max(0, told.before - worker.jobs)
        worker.jobs = max(worker.jobs, told.before) + len(told.jobs)
        worker.last_s = now_s - self._clock.monotonic_s
        for job in told.jobs:
            at_s = job.at_s + worker.later_s - self._clock.monotonic_s
            if isinstance(job, Began):
                self._begin(worker, job, at_s)
            else:
                self._end(worker, job, at_s)
        self._settle(worker.last_s - SILENT_S)

    def finish(self) -> None:
        """Note that no more is told: what has no end by now has none."""
        self._settle(float("inf"))

    def _new_worker(self, teller: Teller) -> Worker | None:
        if len(self._workers) >= MAX_WORKERS:
            return None
        process = Process(
            id=teller.process,
            name=f"worker {teller.worker}",
            program="worker",
            loop=teller.loop,
            mode="",
            title="",
            begun=datetime.fromtimestamp(teller.clock.unix_s, UTC),
            began_s=0.0,
            total_s=0.0,
            clock=teller.clock,
        )
        if not is_same_clock(teller.clock, self._clock):
            process = translated(process, self._clock)
        later_s = process.clock.monotonic_s - teller.clock.monotonic_s
        process = replace(process, began_s=process.clock.monotonic_s - self._clock.monotonic_s)
        worker = self._workers[teller.process] = Worker(process, later_s)
        return worker

    def _begin(self, worker: Worker, job: Began, at_s: float) -> None:
        if len(self.tasks) >= MAX_TASKS or (job.id, job.deliveries) in worker.open:
            worker.left_out += 1
            return
        worker.lanes += 1
        process = worker.process.id
        lane = worker.open[job.id, job.deliveries] = JobLane(worker.lanes, f"job {job.id}", process, at_s)
        self.tasks.append(lane)
        given = self._given.pop(job.id, None)
        if before := self._last.get(job.id):
            self._redeliveries.append(Redelivery(before[0], before[1], lane))
        elif given is not None:
            self.hand_offs.append(HandOff(lane.name, *given, lane.id, process, max(at_s, given.at_s)))
        if job.deliveries > 1:
            self.marks.append(Mark(lane.id, at_s, "redelivery", f"delivery {job.deliveries} of {lane.name}", process))
        self._last[job.id] = worker, lane

    def _end(self, worker: Worker, job: Ended, at_s: float) -> None:
        lane = worker.open.pop((job.id, job.deliveries), None)
        if lane is not None:
            self._close(worker, lane, at_s, Outcome(job.outcome), note=job.note, ok=job.ok)

    def _close(self, worker: Worker, lane: JobLane, at_s: float, outcome: Outcome, *, note: str, ok: bool) -> None:
        at_s = max(at_s, lane.begin_s)
        self.phases.append(Phase("work", lane.id, lane.begin_s, at_s, lane.process))
        lane.outcome, lane.note, lane.ok = outcome, note, ok
        lane.end_s = at_s  # last: what has an end has all else
        worker.wait_s += at_s - lane.begin_s

    def _settle(self, silent_since_s: float) -> None:
        """Draw the arrows of redeliveries whose first lane has ended, or ends since its worker was killed."""
        waiting = []
        for each in self._redeliveries:
            if each.before.end_s is None and each.worker.last_s > silent_since_s:
                waiting.append(each)
                continue
            self._end_killed(each)
            self.hand_offs.append(arrow(each.before, each.after))
        self._redeliveries = waiting

    def _end_killed(self, redelivery: Redelivery) -> None:
        worker, lane = redelivery.worker, redelivery.before
        for key, each in list(worker.open.items()):
            if each is lane:
                del worker.open[key]
                self._close(worker, lane, redelivery.after.begin_s, Outcome.CANCELLED, note=KILLED, ok=False)


def arrow(before: JobLane, after: JobLane) -> HandOff:
    """Return the arrow from a lane that has ended to the next of its job; clocks of two machines may be apart."""
    from_s = max(before.begin_s, min(before.end_s or 0.0, after.begin_s))
    begin, end = (before.id, before.process, from_s), (after.id, after.process, max(from_s, after.begin_s))
    return HandOff(after.name, *begin, *end, "redelivery")


def process_of(worker: Worker) -> Process:
    """Return a worker's process, as it is now."""
    dropped = Dropped(tasks=worker.left_out, events=worker.missed)
    total_s = max(0.0, worker.last_s - worker.process.began_s)
    return replace(worker.process, total_s=total_s, wait_s=worker.wait_s, dropped=dropped)
