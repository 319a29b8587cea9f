"""Traces for tests: one that has something of everything, and a feed that a test fills, as a recorder does."""

from collections.abc import Sequence
from dataclasses import dataclass, field
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

BEGUN = datetime(2026, 11, 26, 11, 30, tzinfo=UTC)
CLOCK = Clock("boot-1", 37_800.125, 1_795_000_000.0, 2e-6)
HOSTILE = "<script>\u2028\ud800 %s \x1b[31m " + "x" * 300


def process(number: int = 7, *, began_s: float = 0.0, total_s: float = 2.0, clock: Clock = CLOCK) -> Process:
    """Return a process of a test."""
    return Process(
        number, "client wget", "wget", "uvloop", "at once", "All at once", BEGUN, began_s, total_s, clock, 0, 0.5, 1.5
    )


def full() -> Trace:
    """Return a trace of two processes that has every kind of event."""
    producer = process(7)
    worker = process(9, began_s=0.25, clock=Clock("boot-1", 37_800.375, 1_795_000_000.25, 2e-6))
    slices = (Slice(0.1, 0.2, "sleep", "sleep", "demo.py:3"), Slice(0.6, 0.7, "get", "queue"), Slice(1.0, 1.1, None))
    return Trace(
        processes=(producer, worker),
        tasks=(
            Task(1, "main", None, 0.0, 1.2, Outcome.RETURNED, slices, note="200 OK", process=7),
            Task(2, HOSTILE, 1, 0.15, None, None, (Slice(0.2, 0.25, "recv", "socket"),), process=7),
            Task(1, "job 1", None, 0.5, 1.5, Outcome.RAISED, (Slice(0.5, 1.5, None),), error="OSError: no", process=9),
            Task(2, "job 1", None, 1.6, 1.7, Outcome.CANCELLED, (), note="reset", ok=False, process=9),
        ),
        phases=(
            Phase("connect", 1, 0.65, 0.9, 7),
            Phase("fetch", 1, 0.15, 1.05, 7, "200 OK"),
            Phase("lost", None, 0.0, 1.0, 7, ok=False),
        ),
        marks=(Mark(1, 0.66, "retry", "attempt 2", 7), Mark(None, 0.7, "error", HOSTILE, 7)),
        depths=(Depth("items", 0.1, 1, 7), Depth("items", 0.2, 0, 7)),
        hand_offs=(
            HandOff("job 1", 1, 7, 0.15, 1, 9, 0.5),
            HandOff("job 1", 1, 9, 1.5, 2, 9, 1.6, "redelivery"),
        ),
        lags=(Lag(0.3, 0.012, 7),),
        blockings=(Blocking(1, 0.6, 0.7, "demo.py:12", "parse", 7), Blocking(None, 1.3, 1.4, "", "", 7)),
    )


@dataclass
class GrowingLane:
    """A task of a recorder: its members change while it is recorded."""

    id: int
    name: str
    begin_s: float
    parent: int | None = None
    group: int | None = None
    process: int = 7
    end_s: float | None = None
    outcome: Outcome | None = None
    error: str = ""
    note: str = ""
    ok: bool = True
    slices: list[Slice] = field(default_factory=list)
    borders: list[float] = field(default_factory=list)

    def slices_from(self, count: int) -> Sequence[Slice]:
        """Return the slices behind the first `count`."""
        return self.slices[count:]


@dataclass
class GrowingFeed:
    """A recorder whose lists a test fills."""

    has_begun = True

    processes: list[Process] = field(default_factory=lambda: [process()])
    tasks: list[GrowingLane] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    depths: list[Depth] = field(default_factory=list)
    hand_offs: list[HandOff] = field(default_factory=list)
    lags: list[Lag] = field(default_factory=list)
    blockings: list[Blocking] = field(default_factory=list)
