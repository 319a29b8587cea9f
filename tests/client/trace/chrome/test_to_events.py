"""Events of traces: they follow the rules of the format, whether they are made at once or bit by bit."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.client.trace.chrome.to_events import events_of, maker_of
from services.client.trace.model import MAX_TEXT, Outcome, Phase, Slice, Task, Trace
from tests.client.trace.chrome.format_rules import violations
from tests.client.trace.chrome.traces import GrowingFeed, GrowingLane, full, process

Events = list[dict[str, Any]]

ZERO_US = 37_800.125e6
TICK_S = 1 / 8e6


def made(trace: Trace) -> Events:
    """Return the events of a trace as a reader has them."""
    found: Events = json.loads(json.dumps(list(events_of(trace))))
    return found


def of(events: Events, ph: str, cat: str = "", pid: int = 7, tid: int | None = 1) -> Events:
    """Return the events of a kind, of a task."""
    return [
        each
        for each in events
        if each["ph"] == ph and cat in {"", each["cat"]} and each["pid"] == pid and tid in {None, each["tid"]}
    ]


def test_a_trace_with_everything_follows_the_rules() -> None:
    """Two processes, phases that cross slices, arrows between processes, texts of any kind."""
    assert violations(made(full())) == []


def test_runs_and_waits_are_split_at_the_borders_of_phases() -> None:
    """And begin a tick after what was before them; what a wait is for is in each of its parts."""
    events = made(full())
    times = [(each["ts"] - ZERO_US, each["dur"]) for each in of(events, "X", "run")]
    assert times == [
        (0.1e6 + 0.125, 0.05e6 - 0.125),
        (0.15e6 + 0.125, 0.05e6 - 0.125),
        (0.6e6 + 0.125, 0.05e6 - 0.125),
        (0.65e6 + 0.125, 0.05e6 - 0.125),
        (1.0e6 + 0.125, 0.05e6 - 0.125),
        (1.05e6 + 0.125, 0.05e6 - 0.125),
    ]
    waits = of(events, "X", "wait")
    assert [each["args"]["kind"] for each in waits] == ["sleep", "queue", "queue"]
    assert {each["args"]["place"] for each in waits} == {"demo.py:3", ""}
    assert [each["ts"] - ZERO_US for each in waits] == [0.2e6 + 0.125, 0.7e6 + 0.125, 0.9e6 + 0.125]


def test_a_task_begins_and_ends_with_its_outcome() -> None:
    """B has its parent, E its outcome and error, an instant before it how its work ended; one may not have ended."""
    events = made(full())
    assert [each["args"] for each in of(events, "B")] == [{"task": 1, "parent": None, "group": None}]
    assert [each["args"] for each in of(events, "E")] == [{"outcome": "returned", "error": ""}]
    assert [(each["name"], each["args"]) for each in of(events, "i", "end")] == [("200 OK", {"ok": True})]
    assert of(events, "E", tid=2) == []
    assert [each["args"]["error"] for each in of(events, "E", pid=9)] == ["OSError: no"]
    assert [each["args"] for each in of(events, "i", "end", pid=9, tid=2)] == [{"ok": False}]


def test_each_process_has_a_name_a_clock_and_sums() -> None:
    """The first two events are its; the last of the file is how the last process ended."""
    events = made(full())
    assert [each["name"] for each in events[:2]] == ["process_name", "asynclab"]
    about = events[1]["args"]
    assert {name: about[name] for name in ("v", "program", "loop", "mode", "begun", "title")} == {
        "v": 1,
        "program": "wget",
        "loop": "uvloop",
        "mode": "at once",
        "begun": "2026-11-26T11:30:00.000Z",
        "title": "All at once",
    }
    assert about["clock"] == {
        "boot": "boot-1",
        "monotonic_us": 37_800_125_000.0,
        "unix_us": 1_795_000_000_000_000,
        "error_us": 2.0,
    }
    assert events[-1]["name"] == "asynclab_end"
    assert events[-1]["pid"] == 9
    assert events[-1]["args"]["work_us"] == 0.5e6
    assert events[-1]["args"]["dropped"] == {"tasks": 0, "slices": 0, "phases": 0, "events": 0}


def test_counters_say_how_many_tasks_are_in_flight_and_how_deep_a_queue_is() -> None:
    """After each change, in the order of time."""
    events = made(full())
    in_flight = [each["args"]["in flight"] for each in of(events, "C", "tasks", tid=0)]
    assert in_flight == [1, 2, 1]
    assert [each["args"]["in flight"] for each in of(events, "C", "tasks", pid=9, tid=0)] == [1, 0, 1, 0]
    assert [(each["name"], each["args"]["depth"]) for each in of(events, "C", "queue", tid=0)] == [
        ("depth of items", 1),
        ("depth of items", 0),
    ]
    assert [each["args"]["ms"] for each in of(events, "C", "loop", tid=0)] == [12.0]


def test_an_arrow_leads_from_what_gives_to_what_takes() -> None:
    """Also between processes; a redelivery has its own category, and each arrow a number of its own."""
    arrows = [each for each in made(full()) if each["ph"] in "sf"]
    ends = [(each["ph"], each["cat"], each["name"], each["pid"], each["tid"]) for each in arrows]
    assert ends == [
        ("s", "handoff", "job 1", 7, 1),
        ("f", "handoff", "job 1", 9, 1),
        ("s", "redelivery", "job 1", 9, 1),
        ("f", "redelivery", "job 1", 9, 2),
    ]
    assert [each["id"] for each in arrows] == [1, 1, 2, 2]


def test_a_call_that_holds_the_loop_names_its_task() -> None:
    """It is of the loop itself; what was no task is a callback."""
    events = of(made(full()), "X", "blocking", tid=0)
    assert [each["name"] for each in events] == ["task main held the loop", "a callback held the loop"]
    assert events[0]["args"] == {"task": 1, "place": "demo.py:12", "function": "parse"}


def test_texts_are_bounded_and_whole_characters() -> None:
    """A name may be of any origin: a surrogate without its other half could not be written as UTF-8."""
    for each in made(full()):
        for text in [each["name"], *each.get("args", {}).values()]:
            if isinstance(text, str):
                assert len(text) <= MAX_TEXT
                text.encode("utf-8")


def test_what_a_dropped_task_did_is_left_out() -> None:
    """Its phases would stand on a lane that is not there."""
    events = made(full())
    assert "lost" not in {each["name"] for each in events}


Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["time", "phase", "end phase", "wait", "flush"]), st.integers(0, 40)), max_size=60
)


class Script:
    """A recorder of one task, which does what its steps say; times are in sixteenths of a microsecond.

    `late`: the begin of an innermost phase is told only when the phase ends.
    """

    def __init__(self, *, late: bool) -> None:
        self.feed, self._late = GrowingFeed(), late
        self.lane = GrowingLane(1, "main", 0.0)
        self.feed.tasks.append(self.lane)
        self._now = self._began = 1
        self._phases: list[int] = []
        self._is_in_late_phase = False

    def _seconds(self, at: int) -> float:
        return at / 16e6

    def do(self, what: str, how_long: int) -> None:
        """Do a step: what takes time does so while the task runs."""
        self._now += how_long
        match what:
            case "phase" if not self._is_in_late_phase:
                self._phases.append(self._now)
                self._is_in_late_phase = self._late and how_long % 2 == 1
                if not self._is_in_late_phase:
                    self.lane.borders.append(self._seconds(self._now))
                self._now += 3  # two phases never begin at the same time: it takes a while to begin one
            case "end phase" if self._phases:
                begin = self._phases.pop()
                self._is_in_late_phase = False
                self.lane.borders += [self._seconds(begin), self._seconds(self._now)]
                self.feed.phases.append(Phase("p", 1, self._seconds(begin), self._seconds(self._now), 7))
            case "wait":
                self._slice("sleep")
                self._now += 5
                self._began = self._now

    def _slice(self, awaits: str | None) -> None:
        self.lane.slices.append(Slice(self._seconds(self._began), self._seconds(self._now), awaits, "sleep"))

    def end(self) -> None:
        """End the phases and the task."""
        while self._phases:
            self.do("end phase", 7)
        self._slice(None)
        self.lane.end_s, self.lane.outcome = self._seconds(self._now), Outcome.RETURNED


@pytest.mark.parametrize("late", [False, True], ids=["begins are noted", "begins are known at the end"])
@given(steps=STEPS)
def test_events_that_are_made_bit_by_bit_nest(late: bool, steps: list[Step]) -> None:
    """Whenever is looked: a phase that has not ended, or of which the begin was not known, included."""
    script = Script(late=late)
    maker = maker_of(script.feed, itertools.count(1))
    events: Events = []
    for what, how_long in steps:
        if what == "flush":
            events += maker.news()
        else:
            script.do(what, how_long)
    script.end()
    events += [*maker.news(), *maker.end()]
    assert violations(events) == []
    phases = [each for each in events if each["cat"] == "phase"]
    assert len(phases) == len(script.feed.phases)
    assert not list(maker.news())


def test_phases_that_overlap_by_a_moment_are_one_behind_the_other() -> None:
    """What measures them reads its clock twice; a phase around both stays around them."""
    slices = (Slice(0.0, 0.9, None),)
    phases = (
        Phase("send", 1, 0.1, 0.3, 7),
        Phase("first byte", 1, 0.3 - 1e-6, 0.5, 7),
        Phase("head", 1, 0.5 - 1e-6, 0.5 - 5e-7, 7),
        Phase("fetch", 1, 0.05, 0.6, 7),
        Phase("next", 1, 0.6 - 1e-6, 0.8, 7),
    )
    events = made(Trace((process(),), (Task(1, "main", None, 0.0, 1.0, Outcome.RETURNED, slices, process=7),), phases))
    assert violations(events) == []
    times = [(each["ts"] - ZERO_US, each["dur"]) for each in of(events, "X", "phase")]
    assert times == [(0.1e6, 0.2e6), (0.3e6, 0.2e6), (0.5e6, 0), (0.05e6, 0.55e6), (0.6e6, 0.2e6)]


def test_a_wait_is_written_when_it_ends_or_when_the_run_does() -> None:
    """So a live reader can tell: what has neither run nor ended since its last slice waits until now."""
    feed = GrowingFeed(tasks=[GrowingLane(1, "main", 0.0)])
    maker = maker_of(feed, itertools.count(1))
    feed.tasks[0].slices.append(Slice(0.1, 0.2, "get", "queue", "a.py:1"))
    assert [each["cat"] for each in maker.news() if each["ph"] == "X"] == ["run"]
    feed.tasks[0].slices.append(Slice(0.5, 0.6, "get", "queue", "a.py:1"))
    assert [each["cat"] for each in maker.news() if each["ph"] == "X"] == ["wait", "run"]
    assert [each["cat"] for each in maker.end() if each["ph"] == "X"] == ["wait"]


def test_a_task_that_is_named_late_is_named_again() -> None:
    """An eager task gets its name when it has already ended."""
    feed = GrowingFeed(tasks=[GrowingLane(1, "coroutine", 0.0)])
    maker = maker_of(feed, itertools.count(1))
    first = [each["args"] for each in maker.news() if each["name"] == "thread_name"]
    feed.tasks[0].name, feed.tasks[0].end_s = "named", 1.0
    second = [each["args"] for each in maker.news() if each["name"] == "thread_name"]
    assert (first, second) == ([{"name": "coroutine"}], [{"name": "named"}])
