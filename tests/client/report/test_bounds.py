"""What a report on any trace costs: its file stays one that can be sent, and its time grows as the trace does."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from services.client.report.page import report_html
from services.client.report.panels import MOST_PANELS
from services.client.trace.model import Blocking, Depth, Mark, Outcome, Phase, Slice, Task, Trace
from tests.client.report.traces import process

SMALL, LARGE = 500, 4_000  # eight times as much takes eight times as long, and 64 times where all look at all
MOST_RATIO = 24
MOST_BYTES = 2_000_000
TICK_S = 1e-3


def task(number: int, slices: int, length_s: float) -> Task:
    """Return a task that ran so often in that time."""
    step_s = length_s / max(slices, 1)
    ran = tuple(Slice(n * step_s, (n + 0.3) * step_s, "sleep", "sleep", "a.py:1") for n in range(slices))
    return Task(number, f"task-{number}", None, 0.0, length_s, Outcome.RETURNED, ran)


def pieces(count: int) -> Trace:
    """Return a trace of one task that did many pieces of work, each with a part, a wait, a mark and a held loop."""
    length_s = count * TICK_S
    phases = [Phase(f"piece {n}", 1, n * TICK_S, (n + 0.8) * TICK_S, note="200 OK") for n in range(count)]
    parts = [Phase("connect", 1, n * TICK_S, (n + 0.5) * TICK_S) for n in range(count)]
    return Trace(
        (process(length_s),),
        (task(1, count, length_s),),
        (*phases, *parts),
        marks=tuple(Mark(1, n * TICK_S, "retry", f"retry {n}") for n in range(count)),
        blockings=tuple(Blocking(1, n * TICK_S, (n + 0.2) * TICK_S, "a.py:2", "f") for n in range(count)),
    )


def parts(count: int) -> Trace:
    """Return a trace of one task with many phases."""
    phases = tuple(Phase("connect", 1, n * TICK_S, (n + 0.5) * TICK_S) for n in range(count))
    return Trace((process(count * TICK_S),), (task(1, count, count * TICK_S),), phases)


def queues(count: int) -> Trace:
    """Return a trace of many queues."""
    depths = tuple(Depth(f"queue {n}", n * TICK_S, n % 7) for n in range(count))
    return Trace((process(count * TICK_S),), (task(1, 1, 1.0),), depths=depths)


def processes(count: int) -> Trace:
    """Return a trace of many programs that worked together."""
    numbers = range(1, count + 1)
    return Trace(
        tuple(process(1.0, number=number) for number in numbers),
        tuple(replace(task(1, 1, 1.0), process=number) for number in numbers),
    )


def seconds(trace: Trace) -> float:
    """Return how long the processor takes for a report on a trace, at best."""
    taken = []
    for _ in range(2):
        began = time.process_time()
        report_html([trace], title="a title", command="a command")
        taken.append(time.process_time() - began)
    return min(taken)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("made", [pieces, parts, queues, processes])
def test_eight_times_as_much_takes_about_eight_times_as_long(made: Callable[[int], Trace]) -> None:
    """A trace may be of any origin: none keeps the page in the browser, which asks for reports, waiting for hours."""
    assert seconds(made(LARGE)) < MOST_RATIO * max(seconds(made(SMALL)), 0.02)


def busy(lanes: int) -> Trace:
    """Return a trace of lanes that run all the time, a little each time."""
    return Trace((process(10.0),), tuple(task(number, 100, 10.0) for number in range(1, lanes + 1)))


def kinds(count: int) -> Trace:
    """Return a trace whose phases all have names of their own."""
    phases = tuple(Phase(f"{n} is a name", 1, n * TICK_S, (n + 1) * TICK_S) for n in range(count))
    return Trace((process(count * TICK_S),), (task(1, 1, count * TICK_S),), phases)


def runs(count: int) -> Trace:
    """Return a trace of many runs, each with its panel."""
    numbers = range(1, count + 1)
    return Trace(
        tuple(process(1.0, number=number, title=f"run {number}") for number in numbers),
        tuple(replace(task(1, 1, 1.0), process=number) for number in numbers),
    )


@pytest.mark.parametrize(
    "trace", [busy(1_000), kinds(20_000), runs(200), parts(20_000)], ids=["busy lanes", "kinds", "runs", "parts"]
)
def test_a_report_can_be_sent(trace: Trace) -> None:
    """Below 2 MB, whatever a trace has many of."""
    assert len(report_html([trace], title="a title", command="a command").encode()) < MOST_BYTES


def test_runs_that_are_not_drawn_are_counted() -> None:
    """No page can show all of them, and it says so."""
    page = report_html([runs(MOST_PANELS + 5)], title="a title", command="a command")
    assert "Runs that are not drawn: 5." in page


def test_times_that_no_program_has_are_drawn_all_the_same() -> None:
    """An end before its beginning, a parent that is its own child, a run that takes no time."""
    strange = Trace(
        (process(0.0, program="wget"),),
        (
            Task(1, "a", 2, 5.0, 1.0, Outcome.RETURNED, (Slice(9.0, 3.0, "x", "sleep", ""),)),
            Task(2, "b", 1, -5.0, 1e9, None, ()),
            Task(3, "c", 3, 0.0, None, None, (Slice(0.0, 1e9, None),)),
        ),
        (Phase("p", 99, 5.0, 1.0), Phase("q", 1, 2.0, 1.0, note="x")),
        depths=(Depth("q", -1.0, 5),),
    )
    assert "<article" in report_html([strange], title="a title", command="a command")
