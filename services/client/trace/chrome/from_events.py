"""Makes a Trace of the events of a file: what `to_events` has split is joined again.

Events may come in any order that a run writes: what names a process or begins a task comes before all else of it.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from services.client.trace.chrome import members
from services.client.trace.chrome.events import DEPTH_OF, LOOP, PROCESS, PROCESS_END, VERSION, Event
from services.client.trace.chrome.members import NotAnEvent, at, flag, number, part, text, whole
from services.client.trace.chrome.shifting import from_zero
from services.client.trace.chrome.times import TICKS_IN_SECOND
from services.client.trace.model import (
    Blocking,
    Depth,
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

HAND_OFFS = ("handoff", "redelivery")


@dataclass(slots=True)
class ReadTask:
    """A task, as far as it is read. `waits`: by when each begins, what the slice before says of it."""

    name: str
    parent: int | None
    begin: int
    end: int | None = None
    outcome: Outcome | None = None
    error: str = ""
    note: str = ""
    ok: bool = True
    runs: list[tuple[int, int]] = field(default_factory=list)
    waits: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    group: int | None = None


@dataclass(frozen=True, slots=True)
class ArrowBegin:
    """The first end of an arrow."""

    name: str
    kind: str
    process: int
    task: int
    at_s: float


class TraceBuilder:
    """Takes the events of a file; `trace` is what they make."""

    def __init__(self) -> None:
        self._zero = 0  # when the first process begins; another one may begin earlier
        self._names: dict[int, str] = {}
        self._processes: dict[int, Process] = {}
        self._last: dict[int, int] = {}  # times of processes that have not ended
        self._tasks: dict[tuple[int, int], ReadTask] = {}
        self._arrows: dict[int, ArrowBegin] = {}
        self._phases, self._marks, self._depths = list[Phase](), list[Mark](), list[Depth]()
        self._hand_offs, self._lags, self._blockings = list[HandOff](), list[Lag](), list[Blocking]()
        self._take: dict[tuple[str, str], Callable[[Event, int, int, int], None]] = {
            ("B", "task"): self._begin_task,
            ("E", "task"): self._end_task,
            ("X", "run"): self._run,
            ("X", "wait"): self._wait,
            ("X", "phase"): self._phase,
            ("X", "blocking"): self._blocking,
            ("i", "end"): self._end_note,
            ("i", "mark"): self._mark,
            ("C", "queue"): self._depth,
            ("C", "loop"): self._lag,
            **{("s", cat): self._arrow_begin for cat in HAND_OFFS},
            **{("f", cat): self._arrow_end for cat in HAND_OFFS},
        }

    def add(self, event: Event) -> None:
        """Take an event. Raises NotAnEvent. One of a kind that is not known here is passed over."""
        ph, pid, tid, when = text(event, "ph"), whole(event, "pid"), whole(event, "tid"), at(event, "ts")
        if ph == "M":
            self._metadata(event, pid, tid, when)
            return
        if pid not in self._processes:
            raise NotAnEvent("it is of a process that nothing before it describes")
        if pid in self._last:
            self._last[pid] = max(self._last[pid], when + (at(event, "dur") if ph == "X" else 0))
        if take := self._take.get((ph, text(event, "cat"))):
            take(event, pid, tid, when)

    @property
    def is_empty(self) -> bool:
        """Whether no process is described."""
        return not self._processes

    def trace(self) -> Trace:
        """Return what was read. A process whose end is missing ended with its last event."""
        tasks = [self._task(key, read) for key, read in self._tasks.items()]
        own = defaultdict[int, list[Task]](list)
        for task in tasks:
            own[task.process].append(task)
        processes = [
            self._cut_off(each, own[each.id]) if each.id in self._last else each for each in self._processes.values()
        ]
        return from_zero(
            Trace(
                tuple(processes),
                tuple(tasks),
                tuple(self._phases),
                tuple(self._marks),
                tuple(self._depths),
                tuple(self._hand_offs),
                tuple(self._lags),
                tuple(self._blockings),
            )
        )

    def _seconds(self, when: int) -> float:
        return (when - self._zero) / TICKS_IN_SECOND

    def _metadata(self, event: Event, pid: int, tid: int, when: int) -> None:
        name, args = text(event, "name"), part(event, "args")
        if name == "process_name":
            self._names[pid] = text(args, "name")
        elif name == "thread_name":
            if read := self._tasks.get((pid, tid)):  # it was named after it had begun
                read.name = text(args, "name")
        elif name == PROCESS:
            self._begin_process(args, pid, when)
        elif name == PROCESS_END:
            self._end_process(args, pid)

    def _begin_process(self, args: Event, pid: int, when: int) -> None:
        if args.get("v") != VERSION:
            raise NotAnEvent(f"it is of version {args.get('v')!r:.20}, and this program knows {VERSION}")
        if pid in self._processes:
            raise NotAnEvent("its process begins a second time")
        if not self._processes:
            self._zero = when
        self._processes[pid] = Process(
            id=pid,
            name=self._names.get(pid, ""),
            program=text(args, "program"),
            loop=text(args, "loop"),
            mode=text(args, "mode"),
            title=text(args, "title"),
            begun=members.moment(args, "begun"),
            began_s=self._seconds(when),
            total_s=0.0,
            clock=members.clock(args),
        )
        self._last[pid] = when

    def _end_process(self, args: Event, pid: int) -> None:
        if self._last.pop(pid, None) is None:
            raise NotAnEvent("its process ends, and has not begun")
        total_s, work_s, wait_s = (number(args, f"{name}_us") / 1e6 for name in ("total", "work", "wait"))
        overhead_s = None if args.get("overhead_us") is None else number(args, "overhead_us") / 1e6
        self._processes[pid] = replace(
            self._processes[pid],
            total_s=total_s,
            exit_code=members.maybe_whole(args, "exit_code"),
            work_s=work_s,
            wait_s=wait_s,
            overhead_s=overhead_s,
            dropped=members.dropped(args),
        )

    def _cut_off(self, process: Process, tasks: list[Task]) -> Process:
        slices = [task.slices for task in tasks]
        work_s = sum(each.end_s - each.begin_s for some in slices for each in some)
        wait_s = sum(some[-1].end_s - some[0].begin_s for some in slices if some) - work_s
        total_s = self._seconds(self._last[process.id]) - process.began_s
        return replace(process, total_s=max(0.0, total_s), work_s=work_s, wait_s=max(0.0, wait_s))

    def _begin_task(self, event: Event, pid: int, tid: int, when: int) -> None:
        if (pid, tid) in self._tasks or tid == LOOP:
            raise NotAnEvent("its task begins a second time")
        parent, group = (members.maybe_whole(part(event, "args"), name) for name in ("parent", "group"))
        self._tasks[pid, tid] = ReadTask(text(event, "name"), parent, when, group=group)

    def _end_task(self, event: Event, pid: int, tid: int, when: int) -> None:
        read, args = self._begun(pid, tid), part(event, "args")
        end = max(when, read.begin)  # a task of another clock may end before it begins
        read.end, read.error, read.outcome = end, text(args, "error"), members.outcome(args)

    def _end_note(self, event: Event, pid: int, tid: int, _when: int) -> None:
        read = self._begun(pid, tid)
        read.note, read.ok = text(event, "name"), flag(part(event, "args"), "ok")

    def _run(self, event: Event, pid: int, tid: int, when: int) -> None:
        self._begun(pid, tid).runs.append((when, when + at(event, "dur")))

    def _wait(self, event: Event, pid: int, tid: int, when: int) -> None:
        args = part(event, "args")
        self._begun(pid, tid).waits[when] = text(args, "awaits"), text(args, "kind"), text(args, "place")

    def _begun(self, pid: int, tid: int) -> ReadTask:
        read = self._tasks.get((pid, tid))
        if read is None:
            raise NotAnEvent("it is of a task that has not begun")
        return read

    def _phase(self, event: Event, pid: int, tid: int, when: int) -> None:
        args, end = part(event, "args"), when + at(event, "dur")
        times = self._seconds(when), self._seconds(end)
        self._phases.append(Phase(text(event, "name"), tid or None, *times, pid, text(args, "note"), flag(args, "ok")))

    def _blocking(self, event: Event, pid: int, _tid: int, when: int) -> None:
        args, times = part(event, "args"), (self._seconds(when), self._seconds(when + at(event, "dur")))
        task = whole(args, "task") or None
        self._blockings.append(Blocking(task, *times, text(args, "place"), text(args, "function"), pid))

    def _mark(self, event: Event, pid: int, tid: int, when: int) -> None:
        mark = Mark(tid or None, self._seconds(when), text(event, "name"), text(part(event, "args"), "text"), pid)
        self._marks.append(mark)

    def _depth(self, event: Event, pid: int, _tid: int, when: int) -> None:
        queue = text(event, "name").removeprefix(DEPTH_OF)
        self._depths.append(Depth(queue, self._seconds(when), whole(part(event, "args"), "depth"), pid))

    def _lag(self, event: Event, pid: int, _tid: int, when: int) -> None:
        self._lags.append(Lag(self._seconds(when), number(part(event, "args"), "ms") / 1e3, pid))

    def _arrow_begin(self, event: Event, pid: int, tid: int, when: int) -> None:
        kind = text(event, "cat")
        self._arrows[whole(event, "id")] = ArrowBegin(text(event, "name"), kind, pid, tid, self._seconds(when))

    def _arrow_end(self, event: Event, pid: int, tid: int, when: int) -> None:
        begin = self._arrows.pop(whole(event, "id"), None)
        if begin is None:
            raise NotAnEvent("it ends an arrow that has not begun")
        to = tid, pid, self._seconds(when)
        self._hand_offs.append(HandOff(begin.name, begin.task, begin.process, begin.at_s, *to, begin.kind))

    def _task(self, key: tuple[int, int], read: ReadTask) -> Task:
        pid, tid = key
        return Task(
            id=tid,
            name=read.name,
            parent=read.parent,
            begin_s=self._seconds(read.begin),
            end_s=None if read.end is None else self._seconds(read.end),
            outcome=read.outcome,
            slices=tuple(self._slices(read)),
            error=read.error,
            note=read.note,
            ok=read.ok,
            process=pid,
            group=read.group,
        )

    def _slices(self, read: ReadTask) -> list[Slice]:
        """Return the slices of a task: runs that were one before they were split at the borders of phases."""
        whole_runs: list[tuple[int, int]] = []
        for begin, end in sorted(read.runs):
            if whole_runs and begin - whole_runs[-1][1] <= 1 and wait_behind(read, whole_runs[-1][1]) is None:
                whole_runs[-1] = whole_runs[-1][0], max(end, whole_runs[-1][1])
            else:
                whole_runs.append((begin, end))
        found = []
        for begin, end in whole_runs:
            awaits, kind, place = wait_behind(read, end) or ("", "", "")
            found.append(Slice(self._seconds(begin), self._seconds(end), awaits or None, kind, place))
        return found


def wait_behind(read: ReadTask, end: int) -> tuple[str, str, str] | None:
    """Return the wait behind a run that ended then; where it was split, it begins a tick later."""
    return read.waits.get(end) or read.waits.get(end + 1)
