"""The events of a trace file: what each kind looks like. docs/tracing.md has them as a table.

An event is an object with ph (its kind), pid (a process), tid (a task by its id, 0: the loop itself), ts (when, in
microseconds of the monotonic clock), name and cat. Texts in it are data of any origin, bounded here; what shows them
escapes them.
"""

from datetime import datetime

from services.client.trace.chrome.times import microseconds, ticks
from services.client.trace.model import Blocking, Clock, HandOff, Mark, Phase, Process, Slice, bounded

Event = dict[str, object]

VERSION = 1
LOOP = 0  # the tid of what is no task's
PROCESS, PROCESS_END = "asynclab", "asynclab_end"
TASKS, IN_FLIGHT = "tasks", "in flight"
DEPTH_OF = "depth of "


def plain(text: str) -> str:
    """Return a text, bounded, in characters that every reader takes."""
    return bounded(text).encode("utf-8", "replace").decode("utf-8")


def event(ph: str, pid: int, tid: int, at: int, *, name: str, cat: str) -> Event:
    """Return an event; `at`: when, in ticks."""
    return {"ph": ph, "pid": pid, "tid": tid, "ts": microseconds(at), "name": plain(name), "cat": cat}


def metadata(pid: int, tid: int, at: int, *, name: str, args: Event) -> Event:
    """Return an event that says something about a process or a task."""
    return event("M", pid, tid, at, name=name, cat="__metadata") | {"args": args}


def complete(pid: int, tid: int, begin: int, end: int, *, name: str, cat: str) -> Event:
    """Return an event that has a length."""
    return event("X", pid, tid, begin, name=name, cat=cat) | {"dur": microseconds(end - begin)}


def counter(pid: int, at: int, *, name: str, cat: str, series: str, value: float) -> Event:
    """Return the value that a series has from now on."""
    return event("C", pid, LOOP, at, name=name, cat=cat) | {"args": {series: value}}


def process_begin(process: Process, at: int) -> list[Event]:
    """Return what a file says of a process when it begins: its name, and about it."""
    clock = process.clock
    about: Event = {
        "v": VERSION,
        "program": plain(process.program),
        "loop": plain(process.loop),
        "mode": plain(process.mode),
        "begun": utc(process.begun),
        "clock": clock_members(clock),
        "title": plain(process.title),
    }
    return [
        metadata(process.id, LOOP, at, name="process_name", args={"name": plain(process.name)}),
        metadata(process.id, LOOP, at, name=PROCESS, args=about),
    ]


def clock_members(clock: Clock) -> Event:
    """Return a reading of both clocks."""
    return {
        "boot": plain(clock.boot),
        "monotonic_us": microseconds(ticks(clock.monotonic_s)),
        "unix_us": round(clock.unix_s * 1e6),
        "error_us": round(clock.error_s * 1e6, 3),
    }


def process_end(process: Process, at: int) -> Event:
    """Return how a process ended, and its sums."""
    dropped = process.dropped
    args: Event = {
        "total_us": microseconds(ticks(process.total_s)),
        "exit_code": process.exit_code,
        "work_us": microseconds(ticks(process.work_s)),
        "wait_us": microseconds(ticks(process.wait_s)),
        "dropped": {
            "tasks": dropped.tasks,
            "slices": dropped.slices,
            "phases": dropped.phases,
            "events": dropped.events,
        },
        "overhead_us": None if process.overhead_s is None else round(process.overhead_s * 1e6, 3),
    }
    return metadata(process.id, LOOP, at, name=PROCESS_END, args=args)


def run_event(pid: int, tid: int, begin: int, end: int) -> Event:
    return complete(pid, tid, begin, end, name="run", cat="run")


def wait_event(pid: int, tid: int, begin: int, end: int, waits: Slice) -> Event:
    """Return a wait; `waits`: the slice before it, which says for what."""
    kind = waits.kind or "other"
    made = complete(pid, tid, begin, end, name=f"wait: {kind}", cat="wait")
    return made | {"args": {"kind": kind, "awaits": plain(waits.awaits or ""), "place": plain(waits.place)}}


def phase_event(phase: Phase, begin: int, end: int) -> Event:
    """Return a phase of a task."""
    made = complete(phase.process, phase.task or LOOP, begin, end, name=phase.name, cat="phase")
    return made | {"args": {"note": plain(phase.note), "ok": phase.ok}}


def mark_event(mark: Mark, at: int) -> Event:
    """Return a moment."""
    made = event("i", mark.process, mark.task or LOOP, at, name=mark.kind, cat="mark")
    return made | {"s": "t", "args": {"text": plain(mark.text)}}


def hand_off_events(hand_off: HandOff, begin: int, end: int, *, number: int) -> list[Event]:
    """Return both ends of an arrow. `number`: no other arrow of the file has it."""
    each: Event = {"id": number}
    name, cat = hand_off.name, hand_off.kind
    return [
        event("s", hand_off.from_process, hand_off.from_task, begin, name=name, cat=cat) | each,
        event("f", hand_off.to_process, hand_off.to_task, end, name=name, cat=cat) | each | {"bp": "e"},
    ]


def blocking_event(blocking: Blocking, begin: int, end: int, *, task: str) -> Event:
    """Return a call that held the loop. `task`: the name of the task that made it; empty: it was none."""
    name = f"task {task} held the loop" if task else "a callback held the loop"
    made = complete(blocking.process, LOOP, begin, end, name=name, cat="blocking")
    args = {"task": blocking.task or 0, "place": plain(blocking.place), "function": plain(blocking.function)}
    return made | {"args": args}


def utc(at: datetime) -> str:
    """Return a time of day as text, in UTC."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
