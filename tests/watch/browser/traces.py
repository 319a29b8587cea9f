"""Traces that tests make, in the format of docs/tracing.md."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

Event = dict[str, object]
HOSTILE = '<img src=x onerror="document.title=1">\u202e</script>'


def process(pid: int, program: str, *, title: str = "", loop: str = "asyncio") -> list[Event]:
    """Return what a trace says of a process when it begins."""
    about = {"v": 1, "program": program, "loop": loop, "mode": "", "title": title}
    return [
        {"ph": "M", "pid": pid, "tid": 0, "ts": 0, "name": "process_name", "args": {"name": f"client {program}"}},
        {"ph": "M", "pid": pid, "tid": 0, "ts": 0, "name": "asynclab", "args": about},
    ]


def ended(pid: int, total_us: float) -> list[Event]:
    """Return what a trace says of a process when it ends."""
    return [{"ph": "M", "pid": pid, "tid": 0, "ts": total_us, "name": "asynclab_end", "args": {"total_us": total_us}}]


def task(
    pid: int,
    tid: int,
    name: str,
    times: Sequence[float],
    *,
    outcome: str = "returned",
    error: str = "",
    parent: int | None = None,
    kind: str = "socket",
) -> list[Event]:
    """Return a task: it runs a microsecond at each of these times, and waits between them for something of a kind."""
    own: Event = {"pid": pid, "tid": tid}
    args = {"task": tid, "parent": parent}
    events = [own | {"ph": "B", "ts": times[0], "name": name, "cat": "task", "args": args}]
    events += [own | {"ph": "X", "ts": at, "dur": 1, "name": "run", "cat": "run"} for at in times]
    waits = {"kind": kind, "awaits": "read", "place": "a.py:1"}
    for begin, end in pairwise(times):
        events.append(
            own | {"ph": "X", "ts": begin + 1, "dur": end - begin - 1, "name": "w", "cat": "wait", "args": waits}
        )
    end_args = {"outcome": outcome, "error": error}
    return [*events, own | {"ph": "E", "ts": times[-1] + 1, "name": name, "cat": "task", "args": end_args}]


def blocking(pid: int, begin: float, length: float, *, place: str) -> Event:
    """Return a call that held the loop."""
    args = {"task": 1, "place": place, "function": "parse"}
    return {
        "ph": "X",
        "pid": pid,
        "tid": 0,
        "ts": begin,
        "dur": length,
        "name": "held",
        "cat": "blocking",
        "args": args,
    }


def handed(kind: str, number: int, begin: tuple[int, int, float], end: tuple[int, int, float]) -> list[Event]:
    """Return an arrow from one task to another; each end: process, task, time."""
    both = {"cat": kind, "id": number, "name": f"job {number}"}
    ends = ((begin, {"ph": "s"}), (end, {"ph": "f", "bp": "e"}))
    return [{**both, **more, "pid": pid, "tid": tid, "ts": at} for (pid, tid, at), more in ends]


def many(lanes: int, slices: int) -> list[Event]:
    """Return a trace of so many lanes, with so many slices each."""
    events = process(1, "hello")
    for lane in range(lanes):
        events += task(1, lane + 1, f"user-{lane + 1}", [lane * 10 + 1000 * each for each in range(slices)])
    return [*events, *ended(1, 1000.0 * slices + 10 * lanes)]


def written(file: Path, events: Sequence[Event], *, cut_off: bool = False) -> Path:
    """Write a trace file, whole or cut off in its last line."""
    text = "[\n" + ",\n".join(json.dumps(each) for each in events)
    file.write_text(text[:-9] if cut_off else f"{text}\n]\n")
    return file
