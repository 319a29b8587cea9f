"""What it costs to read and merge traces of many processes: their time grows as they do."""

import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from services.client.trace.chrome.merging import merged
from services.client.trace.chrome.reading import parse_trace
from services.client.trace.chrome.to_events import events_of
from services.client.trace.model import Task, Trace
from tests.client.trace.chrome.traces import process

SMALL, LARGE = 1_000, 8_000
MOST_RATIO = 24  # eight times as much takes eight times as long, and 64 times where all look at all
LEAST_S = 0.02


def processes(count: int) -> Trace:
    """Return a trace of so many processes, each with a task that has not ended."""
    numbers = range(1, count + 1)
    tasks = tuple(Task(1, "job", None, 0.1, None, None, (), process=number) for number in numbers)
    return Trace(tuple(replace(process(), id=number) for number in numbers), tasks)


def merged_with_itself(count: int) -> Callable[[], object]:
    """Return what merges a trace with itself: each process needs another number."""
    traces = [processes(count)] * 2
    return lambda: merged(traces)


def merged_one_by_one(count: int) -> Callable[[], object]:
    """Return what merges many traces whose processes all have one number."""
    traces = [processes(1)] * count
    return lambda: merged(traces)


def cut_off(count: int) -> Callable[[], object]:
    """Return what reads a file in which no process has ended."""
    events: Sequence[dict[str, object]] = list(events_of(processes(count)))
    lines = [json.dumps(each) for each in events if each["name"] != "asynclab_end"]
    file = ("[\n" + ",\n".join(lines) + ",\n").encode()
    return lambda: parse_trace(io.BytesIO(file), "t.json")


def seconds(work: Callable[[], object]) -> float:
    """Return how long the processor takes, at best."""
    taken = []
    for _ in range(2):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("made", [merged_with_itself, merged_one_by_one, cut_off])
def test_eight_times_as_many_processes_take_about_eight_times_as_long(
    made: Callable[[int], Callable[[], object]],
) -> None:
    """A trace may be of any origin, and a swarm of workers has many."""
    assert seconds(made(LARGE)) < MOST_RATIO * max(seconds(made(SMALL)), LEAST_S)


def test_a_process_whose_number_is_taken_gets_one_that_no_trace_has() -> None:
    """Else a trace behind it would have to give up its own, which others name."""
    whole = merged([processes(1), processes(1), processes(2)]).trace
    assert [each.id for each in whole.processes] == [1, 3, 4, 2]
