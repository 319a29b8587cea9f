"""Trace files read back: the same trace, a part of one that was cut off, and one line for any other file."""

import io
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.client.trace.chrome import reading
from services.client.trace.chrome.file import trace_file
from services.client.trace.chrome.reading import NotATrace, parse_trace, read_trace
from services.client.trace.chrome.to_events import events_of
from services.client.trace.model import Mark, Slice, Task, Trace
from services.runtime.errors import InputUnreadable
from tests.client.trace.chrome.traces import full, process

TICKS = 2  # of difference: rounded to one, and begun one later
NAME = {"ph": "M", "pid": 7, "tid": 0, "ts": 5.0, "name": "process_name", "cat": "", "args": {"name": "p"}}


def text_of(trace: Trace) -> str:
    """Return the file of a trace."""
    return "[\n" + ",\n".join(json.dumps(each) for each in events_of(trace)) + "\n]\n"


def parsed(text: str | bytes) -> Trace:
    """Return the trace in a file of this text."""
    return parse_trace(io.BytesIO(text.encode() if isinstance(text, str) else text), "t.json")


def close(one: float | None, other: float | None) -> bool:
    """Return whether two times are the same but for rounding."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= TICKS / 8e6 + 1e-9


def same_slice(one: Slice, other: Slice) -> bool:
    waits = (one.awaits, one.kind, one.place) == (other.awaits, other.kind, other.place)
    return waits and close(one.begin_s, other.begin_s) and close(one.end_s, other.end_s)


def without_times(task: Task) -> tuple[object, ...]:
    return (task.id, task.process, task.parent, task.group, task.outcome, task.error, task.note, task.ok)


def test_a_trace_comes_back_as_it_was() -> None:
    """All of it: slices that were split are whole again, with what they waited for."""
    whole = full()
    back = parsed(text_of(whole))
    for one, other in zip(whole.tasks, back.tasks, strict=True):
        assert without_times(one) == without_times(other)
        assert close(one.begin_s, other.begin_s)
        assert close(one.end_s, other.end_s)
        assert len(one.slices) == len(other.slices)
        assert all(map(same_slice, one.slices, other.slices))
    assert [each.name for each in back.phases] == ["connect", "fetch"]
    assert [(each.task, each.note, each.ok, each.process) for each in back.phases] == [
        (1, "", True, 7),
        (1, "200 OK", True, 7),
    ]
    assert [(each.kind, each.task, each.process) for each in back.marks] == [("retry", 1, 7), ("error", None, 7)]
    assert [(each.queue, each.depth) for each in back.depths] == [("items", 1), ("items", 0)]
    assert [
        (each.name, each.kind, each.from_task, each.from_process, each.to_task, each.to_process)
        for each in back.hand_offs
    ] == [("job 1", "handoff", 1, 7, 1, 9), ("job 1", "redelivery", 1, 9, 2, 9)]
    assert [round(each.lag_s, 6) for each in back.lags] == [0.012]
    assert [(each.task, each.place, each.function) for each in back.blockings] == [
        (1, "demo.py:12", "parse"),
        (None, "", ""),
    ]


def test_processes_come_back_with_their_clocks_and_sums() -> None:
    """Times are from the beginning of the first one again."""
    whole = full()
    back = parsed(text_of(whole))
    for one, other in zip(whole.processes, back.processes, strict=True):
        for name in ("id", "name", "program", "loop", "mode", "title", "begun", "exit_code", "dropped", "overhead_s"):
            assert getattr(one, name) == getattr(other, name)
        assert all(
            close(getattr(one, name), getattr(other, name)) for name in ("began_s", "total_s", "work_s", "wait_s")
        )
        assert close(one.clock.monotonic_s, other.clock.monotonic_s)
        assert one.clock.boot == other.clock.boot


@pytest.mark.parametrize("lines", [2, 3, 9, 20, 31])
@pytest.mark.parametrize("torn", [0, 1, 30], ids=["at a line", "in a line", "far in a line"])
def test_a_file_that_was_cut_off_is_a_trace_up_to_there(lines: int, torn: int) -> None:
    """A run that was killed has written no end; its last line may be torn."""
    text = text_of(full()).splitlines(keepends=True)
    back = parsed("".join(text[: lines + 1]) + text[lines + 1][:torn])
    assert back.processes[0].exit_code is None
    assert back.total_s >= 0
    assert all(each in {1, 2} for each in (task.id for task in back.tasks))


def test_the_last_line_of_a_file_that_was_cut_off_counts_if_it_is_whole() -> None:
    """So a live pipe loses nothing."""
    mark = Mark(None, 0.5, "retry", "again", 7)
    events = list(events_of(Trace((process(),), marks=(mark,))))
    text = "[\n" + "".join(f"{json.dumps(each)},\n" for each in events[:-1])
    assert [each.text for each in parsed(text).marks] == ["again"]
    assert parsed(text).total_s == pytest.approx(0.5)


ABOUT = {**NAME, "name": "asynclab", "args": {}}
NO_TIMES = {"yesterday": "yesterday", "before the year 1": "0001-01-01T00:00+23:59", "after": "9999-12-31T23:59-23:59"}
REFUSED = {
    "empty": (b"", "it is empty"),
    "an image": (b"\x89PNG\r\n\x1a\n" + bytes(1000), "does not begin with a line of `[`"),
    "the object format": (b'{"traceEvents": []}\n', "does not begin with a line of `[`"),
    "one line": (b'[{"ph": "X"}]\n', "does not begin with a line of `[`"),
    "one long line": (b"[" + b" " * 100_000, "does not begin with a line of `[`"),
    "no process": (b"[\n]\n", "it describes no process"),
    "a long line": (b"[\n" + b"[" * 100_000, "line 2 is longer than 16,384 bytes"),
    "deep": (b"[\n" + b"[" * 10_000 + b"\n", "line 2 is no event"),
    "no object": (b"[\n17,\n", "line 2 is no event"),
    "an empty line": (b"[\n\n", "line 2 is no event"),
    "a foreign trace": (b'[\n{"ph":"X","pid":1,"tid":1,"ts":1,"dur":1,"name":"a","cat":"b"},\n', "nothing before it"),
    "no pid": (b'[\n{"ph":"X","tid":1,"ts":1},\n', "line 2: its pid is no whole number"),
    "a name of two lines": (
        b'[\n{"ph":"M","pid":7,"tid":0,"ts":1e999,"name":"a\\nb","args":{}},\n',
        "its ts is larger than any time",
    ),
    "another version": (json.dumps({**ABOUT, "args": {"v": 2}}).encode(), "of version 2, and this program knows 1"),
    "nothing about it": (json.dumps({**ABOUT, "args": {"v": 1}}).encode(), "its program is no text"),
}


@pytest.mark.parametrize("begun", NO_TIMES.values(), ids=NO_TIMES)
def test_a_process_begins_at_a_time_that_utc_has(begun: str) -> None:
    """A time with an offset may be none in UTC."""
    lines = text_of(full()).splitlines()
    event = json.loads(lines[2].removesuffix(","))
    event["args"]["begun"] = begun
    lines[2] = json.dumps(event) + ","
    with pytest.raises(NotATrace, match="its begun is no time of day"):
        parsed("\n".join(lines))


@pytest.mark.parametrize(("data", "why"), REFUSED.values(), ids=REFUSED)
def test_another_file_is_refused_in_one_line(data: bytes, why: str) -> None:
    """It says what is wrong, where, and what makes a trace."""
    text = data if data.startswith((b"[", b"\x89")) or not data or b"trace" in data else b"[\n" + data + b",\n"
    with pytest.raises(NotATrace) as caught:
        parsed(text)
    message = str(caught.value)
    assert why in message
    assert "--trace FILE" in message
    assert "\n" not in message
    assert caught.value.exit_code == 3


BROKEN = {
    "a task twice": ({"ph": "B", "tid": 1, "cat": "task"}, "begins a second time"),
    "a task of the loop": ({"ph": "B", "tid": 0, "cat": "task"}, "begins a second time"),
    "no such task": ({"ph": "X", "tid": 90, "dur": 1, "cat": "run"}, "of a task that has not begun"),
    "no length": ({"ph": "X", "tid": 1, "cat": "run"}, "its dur is no number"),
    "a negative length": ({"ph": "X", "tid": 1, "cat": "run", "dur": -1}, "its dur is negative"),
    "true as a time": ({"ph": "X", "tid": 1, "cat": "run", "dur": 1, "ts": True}, "its ts is no number"),
    "a huge time": ({"ph": "X", "tid": 1, "cat": "run", "dur": 1, "ts": 10**30}, "its ts is larger"),
    "a length that is not a number": ({"ph": "X", "tid": 1, "cat": "run", "dur": float("nan")}, "its dur is larger"),
    "no such outcome": ({"ph": "E", "tid": 1, "args": {"outcome": "won", "error": ""}, "cat": "task"}, "its outcome"),
    "an outcome of another kind": (
        {"ph": "E", "tid": 1, "args": {"outcome": [], "error": ""}, "cat": "task"},
        "its outcome",
    ),
    "an arrow without a beginning": ({"ph": "f", "tid": 1, "id": 99, "cat": "handoff"}, "that has not begun"),
    "a second end": ({"ph": "M", "tid": 0, "name": "asynclab_end", "args": {}}, "and has not begun"),
    "a second beginning": ({"ph": "M", "tid": 0, "name": "asynclab", "args": {"v": 1}}, "begins a second time"),
    "args that are none": ({"ph": "C", "tid": 0, "cat": "queue", "args": []}, "its args is no object"),
    "a depth below none": ({"ph": "C", "tid": 0, "cat": "queue", "args": {"depth": -1}}, "its depth is no whole"),
}


@pytest.mark.parametrize(("event", "why"), BROKEN.values(), ids=BROKEN)
def test_an_event_that_cannot_be_is_named_by_its_line(event: dict[str, object], why: str) -> None:
    """A trace whose events contradict each other is no trace."""
    lines = text_of(full()).splitlines()
    broken = {"pid": 7, "ts": 1.0, "name": "x", "args": {}} | event
    lines.insert(len(lines) - 1, json.dumps(broken))
    lines[-3] += ","
    with pytest.raises(NotATrace, match=f"line {len(lines) - 1}: .*{why}"):
        parsed("\n".join(lines) + "\n")


def test_kinds_that_are_not_known_are_passed_over() -> None:
    """A later program may write more."""
    lines = text_of(full()).splitlines()
    lines.insert(20, json.dumps({"ph": "n", "pid": 7, "tid": 1, "ts": 1.0, "name": "x", "cat": "later"}) + ",")
    assert len(parsed("\n".join(lines)).tasks) == 4


def test_what_is_read_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without an end, as a device, is refused after so many events."""
    monkeypatch.setattr(reading, "MAX_EVENTS", 1_000)
    line = json.dumps(NAME).encode() + b",\n"
    endless = io.BufferedReader(Endless(itertools.cycle(b"[\n" + line * 1_000)))
    with pytest.raises(NotATrace, match="it has more than 1,000 events"):
        parse_trace(endless, "t.json")


class Endless(io.RawIOBase):
    """A file that has no end."""

    def __init__(self, data: "itertools.cycle[int]") -> None:
        self._data = data

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        """Fill a part of the buffer."""
        made = bytes(itertools.islice(self._data, min(len(buffer), 4096)))
        buffer[: len(made)] = made
        return len(made)


@settings(deadline=None)  # a busy machine is not a slow reader
@given(st.binary(max_size=300), st.integers(0, 5_000))
def test_whatever_is_in_a_file_is_a_trace_or_refused(garbage: bytes, at: int) -> None:
    """Bytes of any kind at any place: never another error."""
    text = text_of(full()).encode()
    at %= len(text)
    try:
        back = parsed(text[:at] + garbage + text[at + len(garbage) :])
    except NotATrace:
        return
    assert back.processes


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file, and a directory."""
    for path, why in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(InputUnreadable, match=why):
            read_trace(path)


def test_a_file_is_read_by_its_name(tmp_path: Path) -> None:
    """What `trace_file` has written."""
    path = tmp_path / "t.json"
    trace_file(str(path)).close([full()])
    assert read_trace(path).tasks[0].name == "main"
