"""Traces of several processes on one time axis: exact by one clock, by the time of day with an error that is said."""

import json
from dataclasses import replace

import pytest

from services.client.trace.chrome.merging import merged
from services.client.trace.chrome.to_events import events_of
from services.client.trace.model import Clock, HandOff, Mark, Outcome, Task, Trace
from tests.client.trace.chrome.format_rules import violations
from tests.client.trace.chrome.traces import CLOCK, full, process


def lane(clock: Clock, *, number: int = 7) -> Trace:
    """Return a trace with one task, from its second 0.5 to 1."""
    task = Task(1, "job", None, 0.5, 1.0, Outcome.RETURNED, (), process=number)
    return Trace((process(number, clock=clock),), (task,), marks=(Mark(1, 0.6, "retry", "", number),))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the earlier first", "the later first"])
def test_traces_of_one_machine_merge_exactly(order: tuple[int, int]) -> None:
    """The time of day does not matter, however wrong it is; the earliest process begins at 0."""
    later = replace(CLOCK, monotonic_s=CLOCK.monotonic_s + 10, unix_s=CLOCK.unix_s - 5_000)
    traces = [lane(CLOCK, number=7), lane(later, number=8)]
    whole = merged([traces[number] for number in order])
    assert whole.error_s == 0
    assert not whole.by_time_of_day
    assert "one clock" in whole.basis
    begins = {task.process: task.begin_s for task in whole.trace.tasks}
    assert begins == {7: pytest.approx(0.5), 8: pytest.approx(10.5)}
    assert {mark.process: mark.at_s for mark in whole.trace.marks} == {7: pytest.approx(0.6), 8: pytest.approx(10.6)}


@pytest.mark.parametrize("boots", [("a", "b"), ("", "")], ids=["two machines", "no boot id is known"])
def test_traces_of_two_machines_merge_by_the_time_of_day(boots: tuple[str, str]) -> None:
    """And both errors together are said."""
    here = replace(CLOCK, boot=boots[0], error_s=0.001)
    there = Clock(boots[1], 5.0, CLOCK.unix_s + 3, 0.002)
    whole = merged([lane(here, number=7), lane(there, number=8)])
    assert {task.process: round(task.begin_s, 6) for task in whole.trace.tasks} == {7: 0.5, 8: 3.5}
    assert whole.error_s == pytest.approx(0.003)
    assert whole.by_time_of_day
    assert "3.000 ms" in whole.basis


def test_a_merged_trace_has_one_clock() -> None:
    """So it can be written and merged again: its events are on the axis of its first process."""
    there = Clock("b", 5.0, CLOCK.unix_s + 3, 0.002)
    whole = merged([lane(CLOCK, number=7), lane(there, number=8)]).trace
    again = merged([whole, lane(replace(CLOCK, monotonic_s=CLOCK.monotonic_s + 20), number=9)])
    assert not again.by_time_of_day
    assert [round(task.begin_s, 6) for task in again.trace.tasks] == [0.5, 3.5, 20.5]
    events = [each for each in events_of(whole) if each["ph"] == "B"]
    times = [float(str(each["ts"])) for each in events]
    assert times[1] - times[0] == pytest.approx(3e6)


def test_processes_with_one_number_get_two() -> None:
    """As where one trace is given twice: all that belongs to a process goes along."""
    whole = merged([full(), full()]).trace
    assert len({each.id for each in whole.processes}) == 4
    assert len({(task.process, task.id) for task in whole.tasks}) == 8
    arrows: list[HandOff] = list(whole.hand_offs)
    assert arrows[0].from_process != arrows[2].from_process
    assert violations(json.loads(json.dumps(list(events_of(whole))))) == []


def test_nothing_merges_to_nothing() -> None:
    """And traces without a process are passed over."""
    assert merged([]).trace.processes == ()
    assert merged([Trace(()), lane(CLOCK)]).trace.tasks[0].name == "job"
