"""What workers tell of their jobs: messages of any kind are read or refused, and lanes come of those that are read."""

import json
from dataclasses import replace

import pytest

from services.client.pipeline.jetstream.messages import Undecodable
from services.client.pipeline.jetstream.tracing import lanes as module
from services.client.pipeline.jetstream.tracing.lanes import KILLED, WorkerLanes
from services.client.pipeline.jetstream.tracing.told import (
    MAX_JOBS,
    Began,
    Ended,
    Teller,
    Told,
    decode_told,
    encode_told,
)
from services.client.trace.chrome.to_events import events_of
from services.client.trace.facts import Point
from services.client.trace.model import Clock, Outcome
from tests.client.trace.chrome.format_rules import violations

HERE = Clock("boot", 1_000.0, 5_000.0, 1e-6)
ONE = Teller("one-17", 11, "asyncio", replace(HERE, monotonic_s=990.0, unix_s=4_990.0))
TWO = Teller("two-18", 12, "uvloop", replace(HERE, monotonic_s=995.0, unix_s=4_995.0))
OK = (Outcome.RETURNED, "200 OK", True)


def test_a_message_comes_back_as_it_was() -> None:
    """With the worker, its clock, and its jobs."""
    told = Told(ONE, 3, (Began(1, 1, 1_001.5), Ended(1, 1, 1_002.0, *OK)))
    assert decode_told(encode_told(told)) == told


GOOD = json.loads(encode_told(Told(ONE, 0, (Began(1, 1, 1.0),))))
BAD = {
    "no JSON": b"\xff",
    "too large": b" " * (1 << 20) + b"{}",
    "an array": b"[]",
    "deep": b"[" * 100_000,
    "nothing": b"{}",
    "no clock": json.dumps({**GOOD, "clock": None}).encode(),
    "a time that is none": json.dumps({**GOOD, "clock": {**GOOD["clock"], "unix_s": "now"}}).encode(),
    "an endless time": json.dumps({**GOOD, "jobs": [[1, 1, float("inf")]]}).encode(),
    "a negative id": json.dumps({**GOOD, "jobs": [[-1, 1, 1.0]]}).encode(),
    "true as an id": json.dumps({**GOOD, "jobs": [[True, 1, 1.0]]}).encode(),
    "a huge number": json.dumps({**GOOD, "process": 2**31}).encode(),
    "a name that is none": json.dumps({**GOOD, "worker": 5}).encode(),
    "no such outcome": json.dumps({**GOOD, "jobs": [[1, 1, 1.0, "won", "", True]]}).encode(),
    "too short": json.dumps({**GOOD, "jobs": [[1, 1]]}).encode(),
    "not ok": json.dumps({**GOOD, "jobs": [[1, 1, 1.0, "returned", "", 1]]}).encode(),
    "too many": json.dumps({**GOOD, "jobs": [[1, 1, 1.0]] * (MAX_JOBS + 1)}).encode(),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_any_other_message_is_refused(data: bytes) -> None:
    """None of them becomes another error: the producer has jobs to hand over."""
    with pytest.raises(Undecodable):
        decode_told(data)


def test_a_job_has_a_lane_in_the_process_of_its_worker() -> None:
    """From its begin to its end, with what came of it, and an arrow from where it was put."""
    lanes = WorkerLanes(HERE)
    lanes.given(1, Point(4, 7, 0.5))
    lanes.take(Told(ONE, 0, (Began(1, 1, 1_001.0), Ended(1, 1, 1_002.0, *OK))), 1_002.1)
    (process,) = lanes.processes
    assert (process.id, process.name, process.program, process.loop) == (11, "worker one-17", "worker", "asyncio")
    assert process.began_s == -10.0
    (task,) = lanes.trace().tasks
    assert (task.name, task.process, task.begin_s, task.end_s) == ("job 1", 11, 1.0, 2.0)
    assert (task.outcome, task.note, task.ok) == OK
    (arrow,) = lanes.hand_offs
    assert (arrow.from_task, arrow.from_process, arrow.from_s) == (4, 7, 0.5)
    assert (arrow.to_task, arrow.to_process, arrow.to_s, arrow.kind) == (1, 11, 1.0, "handoff")
    assert not lanes.is_incomplete


def test_a_worker_with_another_clock_is_put_on_ours() -> None:
    """By the time of day; how far that may be off is said by its clock."""
    other = Teller("far", 13, "asyncio", Clock("another boot", 50.0, 5_003.0, 2e-3))
    lanes = WorkerLanes(HERE)
    lanes.take(Told(other, 0, (Began(1, 1, 51.0),)), 1_004.0)
    assert [task.begin_s for task in lanes.tasks] == [pytest.approx(4.0)]
    (process,) = lanes.processes
    assert process.clock.boot == "boot"
    assert process.clock.error_s == pytest.approx(2e-3 + 1e-6)
    assert process.began_s == pytest.approx(3.0)


def test_a_job_that_was_handed_back_has_two_lanes_and_an_arrow() -> None:
    """From the end of the first lane to the begin of the second, also if the end is told last."""
    lanes = WorkerLanes(HERE)
    lanes.take(Told(ONE, 0, (Began(1, 1, 1_001.0),)), 1_001.0)
    lanes.take(Told(TWO, 0, (Began(1, 2, 1_002.5),)), 1_002.5)
    assert lanes.hand_offs == []
    lanes.take(Told(ONE, 1, (Ended(1, 1, 1_002.0, Outcome.RAISED, "OSError: no", False),)), 1_002.6)
    (arrow,) = lanes.hand_offs
    assert (arrow.kind, arrow.name) == ("redelivery", "job 1")
    assert (arrow.from_process, arrow.from_s, arrow.to_process, arrow.to_s) == (11, 2.0, 12, 2.5)
    assert [(mark.kind, mark.text, mark.process) for mark in lanes.marks] == [("redelivery", "delivery 2 of job 1", 12)]


def test_the_lane_of_a_killed_worker_ends_where_its_job_begins_again() -> None:
    """Once nothing was heard of it for a while; until then it may only be slow."""
    lanes = WorkerLanes(HERE)
    lanes.take(Told(ONE, 0, (Began(1, 1, 1_001.0), Began(2, 1, 1_001.0))), 1_001.0)
    lanes.take(Told(TWO, 0, (Began(1, 2, 1_002.0),)), 1_002.0)
    assert lanes.hand_offs == []
    lanes.take(Told(TWO, 1, ()), 1_001.0 + module.SILENT_S + 0.5)
    first, _, second = lanes.trace().tasks
    assert (first.end_s, first.outcome, first.note, first.ok) == (2.0, Outcome.CANCELLED, KILLED, False)
    assert second.end_s is None
    (arrow,) = lanes.hand_offs
    assert (arrow.from_process, arrow.from_s, arrow.to_process, arrow.to_s) == (11, 2.0, 12, 2.0)


def test_a_slow_worker_goes_on_in_its_lane() -> None:
    """It tells that it lives, and in the end what came of the job."""
    lanes = WorkerLanes(HERE)
    lanes.take(Told(ONE, 0, (Began(1, 1, 1_001.0),)), 1_001.0)
    lanes.take(Told(TWO, 0, (Began(1, 2, 1_002.0), Ended(1, 2, 1_003.0, *OK))), 1_003.0 - 0.5)
    for second in range(3, 6):
        lanes.take(Told(ONE, 1, ()), 1_000.0 + second)
        lanes.take(Told(TWO, 2, ()), 1_000.5 + second)
    assert lanes.hand_offs == []
    lanes.take(Told(ONE, 1, (Ended(1, 1, 1_006.0, *OK),)), 1_006.0)
    assert [task.end_s for task in lanes.tasks] == [6.0, 3.0]
    assert [(each.from_s, each.to_s) for each in lanes.hand_offs] == [(2.0, 2.0)]


def test_at_the_end_what_was_begun_again_ends() -> None:
    """A lane that was not begun again stays open: what became of it is not known."""
    lanes = WorkerLanes(HERE)
    lanes.take(Told(ONE, 0, (Began(1, 1, 1_001.0), Began(2, 1, 1_001.5))), 1_001.5)
    lanes.take(Told(TWO, 0, (Began(1, 2, 1_002.0),)), 1_002.0)
    lanes.finish()
    assert [task.end_s for task in lanes.tasks] == [2.0, None, None]
    assert len(lanes.hand_offs) == 1


def test_what_is_lost_is_counted() -> None:
    """By how many jobs a worker has told before."""
    lanes = WorkerLanes(HERE)
    lanes.take(Told(ONE, 0, (Began(1, 1, 1_001.0),)), 1_001.0)
    lanes.take(Told(ONE, 8, (Began(9, 1, 1_002.0),)), 1_002.0)
    lanes.take(Told(ONE, 2, ()), 1_002.0)  # it came late: nothing is lost by that
    (process,) = lanes.processes
    assert process.dropped.events == 7


def test_lanes_and_workers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond them is counted, where there is a process to count it at."""
    monkeypatch.setattr(module, "MAX_TASKS", 2)
    monkeypatch.setattr(module, "MAX_WORKERS", 1)
    lanes = WorkerLanes(HERE)
    lanes.take(Told(ONE, 0, tuple(Began(number, 1, 1_001.0) for number in range(1, 6))), 1_001.0)
    lanes.take(Told(TWO, 0, (Began(9, 1, 1_001.0),)), 1_001.0)
    (process,) = lanes.processes
    assert (len(lanes.tasks), process.dropped.tasks) == (2, 3)


def test_the_events_of_lanes_follow_the_rules() -> None:
    """Whatever a worker tells: an end before its begin, an end of what has not begun, a job twice."""
    lanes = WorkerLanes(HERE)
    strange = (
        Ended(5, 1, 1_000.5, *OK),
        Began(1, 1, 1_001.0),
        Began(1, 1, 1_001.5),
        Ended(1, 1, 1_000.0, *OK),
        Ended(1, 1, 1_003.0, *OK),
        Began(1, 7, 1_000.5),
    )
    lanes.given(1, Point(1, 11, 1.0))
    lanes.take(Told(ONE, 0, strange), 1_004.0)
    lanes.finish()
    assert violations(list(events_of(lanes.trace()))) == []
