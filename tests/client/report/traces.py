"""Traces that are made by hand: what a report on them has to say is known."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from services.client.trace.model import (
    Blocking,
    Clock,
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

HOSTS = ("www.sina.com.cn", "www.sohu.com", "www.163.com")
BEGUN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ZERO_S = 1000.0  # of the monotonic clock
FETCH = (("dns", 0.012), ("connect", 0.018), ("send", 0.008), ("first byte", 0.94), ("head", 0.022))
FETCH_S = sum(length for _, length in FETCH)


def process(total_s: float, *, number: int = 1, title: str = "", mode: str = "", **more: object) -> Process:
    """Return a process that began with its trace."""
    made = Process(
        id=number,
        name="client wget",
        program="wget",
        loop="asyncio",
        mode=mode,
        title=title,
        begun=BEGUN,
        began_s=0.0,
        total_s=total_s,
        clock=Clock("boot", ZERO_S, 1.7e9, 1e-6),
    )
    return replace(made, **more)  # type: ignore[arg-type]  # fields by their names


def fetch_task(number: int, name: str, begin_s: float, *, error: str = "", process: int = 1) -> Task:
    """Return the task of a fetch: it runs for a millisecond at each border of its phases."""
    slices, at_s = [], begin_s
    for phase, length in FETCH:
        slices.append(Slice(at_s, at_s + 0.001, "request", "socket", "fetch/request.py:120"))
        at_s += length
        if error and phase == "first byte":
            at_s = begin_s + 0.45
            break
    return Task(
        id=number,
        name=name,
        parent=1,
        begin_s=begin_s,
        end_s=at_s,
        outcome=Outcome.RETURNED,
        slices=tuple(slices),
        note=error or "200 OK",
        ok=not error,
        process=process,
    )


def phases_of(task: Task) -> list[Phase]:
    """Return the phases of a fetch."""
    phases, at_s = [], task.begin_s
    for name, length in FETCH:
        end_s = min(at_s + length, task.end_s or at_s)
        phases.append(Phase(name, task.id, at_s, end_s, task.process))
        at_s = end_s
    return phases


def fetches(begins_s: Sequence[float], *, title: str = "", mode: str = "", number: int = 1, error: str = "") -> Trace:
    """Return a trace of a fetch a host, which begin then; `error`: how the second ends."""
    tasks = [
        fetch_task(n + 2, host, begin_s, error=error if n == 1 else "", process=number)
        for n, (host, begin_s) in enumerate(zip(HOSTS, begins_s, strict=False))
    ]
    end_s = max(task.end_s or 0.0 for task in tasks) + 0.01
    root = Task(1, "main", None, 0.0, end_s, Outcome.RETURNED, (Slice(0.0, 0.002, "wait", "task"),), process=number)
    phases = [phase for task in tasks for phase in phases_of(task)]
    return Trace((process(end_s, number=number, title=title, mode=mode),), (root, *tasks), tuple(phases))


def comparison(error: str = "") -> list[Trace]:
    """Return the same three fetches one after another and at once."""
    before = fetches([0.0, FETCH_S, 2 * FETCH_S], title="One after another", mode="one after another")
    after = fetches([0.0, 0.012, 0.024], title="At once", mode="at once", number=2, error=error)
    return [before, after]


def users(count: int) -> Trace:
    """Return a trace of so many users of a server, at once; each hundredth is refused."""
    root = Task(1, "main", None, 0.0, 1.2, Outcome.RETURNED, (Slice(0.0, 0.1, "gather", "task"),))
    tasks = []
    for n in range(count):
        begin_s, length_s = 0.1 * n / count, 0.5 + 0.4 * ((n * 7919) % count) / count
        slices = [
            Slice(at_s, at_s + 0.0002, "read", "socket", "client/hello.py:120") for at_s in (begin_s, begin_s + 0.01)
        ]
        slices.append(Slice(begin_s + length_s - 0.0003, begin_s + length_s, None))
        ok = n % 100 != 99
        tasks.append(
            Task(
                n + 2,
                f"user-{n + 1}",
                1,
                begin_s,
                begin_s + length_s,
                Outcome.RETURNED,
                tuple(slices),
                note="200 OK" if ok else "connection refused",
                ok=ok,
            )
        )
    return Trace((process(1.1),), (root, *tasks))


def held_loop() -> Trace:
    """Return a trace in which one call held the loop for half a second, and four tasks stood still."""
    tasks = [
        Task(
            n,
            f"ticker-{n}" if n < 5 else "report",
            None,
            0.0,
            1.5,
            Outcome.RETURNED,
            tuple(
                Slice(at / 10, at / 10 + 0.002, "sleep", "sleep", "demo.py:7")
                for at in range(15)
                if not 4 <= at < 9 or n == 5
            )
            if n < 5
            else (Slice(0.0, 0.001, "sleep", "sleep", "demo.py:11"), Slice(0.4, 0.9, None)),
        )
        for n in range(1, 6)
    ]
    return Trace(
        (process(1.5, program="demo.py"),),
        tuple(tasks),
        lags=tuple(Lag(at / 10, 0.45 if at == 9 else 0.001) for at in range(15)),
        blockings=(Blocking(5, 0.4, 0.9, "demo.py:12", "report"),),
    )


def jobs() -> Trace:
    """Return a trace of a queue: a producer, two workers, hand-offs, and a job that came again after a crash."""
    producer = Task(
        1,
        "producer",
        None,
        0.0,
        0.8,
        Outcome.RETURNED,
        tuple(Slice(n / 10, n / 10 + 0.01, "put", "queue") for n in range(8)),
    )
    first = Task(
        2,
        "worker-1",
        None,
        0.0,
        0.5,
        Outcome.RAISED,
        (Slice(0.02, 0.05, "get", "queue"), Slice(0.3, 0.35, "get", "queue")),
        error="ConnectionResetError: peer",
    )
    second = Task(
        3,
        "worker-2",
        None,
        0.0,
        1.0,
        Outcome.RETURNED,
        tuple(Slice(n / 10 + 0.02, n / 10 + 0.05, "get", "queue") for n in range(1, 10)),
    )
    return Trace(
        (process(1.05, program="demo.py"),),
        (producer, first, second),
        marks=(Mark(3, 0.62, "redelivery", "job 4"), Mark(2, 0.5, "error", "killed")),
        depths=tuple(Depth("jobs", n / 20, (n * 3) % 7) for n in range(20)),
        hand_offs=(
            HandOff("job 1", 1, 1, 0.005, 2, 1, 0.02),
            HandOff("job 2", 1, 1, 0.105, 3, 1, 0.12),
            HandOff("job 4", 2, 1, 0.35, 3, 1, 0.62, "redelivery"),
        ),
    )


HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m\u202e" + "a-name-without-an-end" * 20 + " \u05d0\u05d1\u05d2"


def hostile() -> Trace:
    """Return a trace whose every text is markup, control characters, of both directions, and long."""
    slices = (Slice(0.0, 0.1, HOSTILE, HOSTILE, HOSTILE),)
    tasks = (
        Task(1, HOSTILE, None, 0.0, 1.0, Outcome.RAISED, slices, error=HOSTILE),
        Task(2, HOSTILE, None, 0.0, 0.9, Outcome.RETURNED, slices, note=HOSTILE),
    )
    return Trace(
        (process(1.0, title=HOSTILE, mode=HOSTILE, loop=HOSTILE, name=HOSTILE),),
        tasks,
        (Phase(HOSTILE, 2, 0.1, 0.5),),
        (Mark(2, 0.5, HOSTILE, HOSTILE),),
        (Depth(HOSTILE, 0.1, 5), Depth(HOSTILE, 0.5, 2)),
        (HandOff(HOSTILE, 1, 1, 0.1, 2, 1, 0.4),),
        blockings=(Blocking(1, 0.2, 0.8, HOSTILE, HOSTILE),),
    )
