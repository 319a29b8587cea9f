"""Where traces go: files that are whole or not there, pipes that are written as the run goes on, and what cannot be."""

import asyncio
import io
import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from services.client.trace.chrome import file as module
from services.client.trace.chrome.file import CannotWrite, TraceFile, recording_to, trace_file
from services.client.trace.chrome.reading import parse_trace
from services.client.trace.facts import Program
from services.client.trace.model import Outcome, Slice, Trace
from services.client.trace.recorder import Recorder
from tests.client.trace.chrome.format_rules import events_of_file, violations
from tests.client.trace.chrome.traces import GrowingFeed, GrowingLane, full, process


def test_a_file_has_one_event_a_line(tmp_path: Path) -> None:
    """And follows the rules of the format, whatever texts are in it."""
    path = tmp_path / "t.json"
    file = trace_file(str(path))
    assert not file.is_live
    assert not path.exists()
    file.close([full()])
    assert violations(events_of_file(path.read_text())) == []
    assert os.listdir(tmp_path) == ["t.json"]  # noqa: PTH208


def test_a_file_of_several_recordings_is_one_array(tmp_path: Path) -> None:
    """As of a comparison: two processes, and arrows with a number each."""
    path = tmp_path / "t.json"
    other = Trace((process(11),))
    trace_file(str(path)).close([full(), other])
    events = events_of_file(path.read_text())
    assert violations(events) == []
    assert {event["pid"] for event in events} == {7, 9, 11}


def test_a_file_without_a_recording_is_an_empty_array(tmp_path: Path) -> None:
    """A run that was refused before it began."""
    path = tmp_path / "t.json"
    trace_file(str(path)).close([])
    assert json.loads(path.read_text()) == []


def test_what_was_there_stays_until_the_end_and_keeps_its_mode(tmp_path: Path) -> None:
    """A run that is killed leaves the last trace as it was."""
    path = tmp_path / "t.json"
    path.write_text("before")
    path.chmod(0o600)
    file = trace_file(str(path))
    assert path.read_text() == "before"
    file.close([full()])
    assert path.read_text() != "before"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["missing/t.json", "", "t/", "nul\0", "socket", "no reader", "."])
def test_what_cannot_be_written_is_refused_before_anything_runs(name: str, tmp_path: Path) -> None:
    """In one line, with the exit code of a file."""
    os.mkfifo(tmp_path / "no reader")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    with listening, pytest.raises(CannotWrite) as caught:
        trace_file(str(tmp_path / name) if name not in {"", "t/"} else name)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


def test_a_directory_that_takes_no_file_is_refused(tmp_path: Path) -> None:
    """Also for root, where no mode refuses: /proc has no room for files."""
    with pytest.raises(CannotWrite):
        trace_file("/proc/t.json")


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    """What the run has done is not lost with it: only the trace is."""
    path = tmp_path / "gone" / "t.json"
    path.parent.mkdir()
    file = trace_file(str(path))
    path.parent.rmdir()
    with pytest.raises(CannotWrite, match="No such file"):
        file.close([full()])


class Reader:
    """The reader of a pipe: `fd` is its other end."""

    def __init__(self) -> None:
        self._read, self.fd = os.pipe()
        self.file = io.open(self._read, "rb")  # noqa: SIM115, UP020

    @property
    def name(self) -> str:
        """How a program names the pipe."""
        return f"/dev/fd/{self.fd}"

    def close_writing(self) -> None:
        """Close the end that it does not read."""
        os.close(self.fd)


@pytest.fixture
def reader() -> Iterator[Reader]:
    """Yield the reader of a pipe, closed at the end."""
    made = Reader()
    yield made
    with suppress(OSError):
        made.close_writing()
    made.file.close()


def test_a_pipe_is_written_while_the_run_goes_on(reader: Reader) -> None:
    """Whole lines at each flush, and the end at the close: together they are the same as a file."""
    feed = GrowingFeed(tasks=[GrowingLane(1, "main", 0.0)])
    file = trace_file(reader.name)
    assert file.is_live
    file.flush([feed])
    lines = [reader.file.readline() for _ in range(5)]
    assert lines[0] == b"[\n"
    assert all(line.endswith(b"},\n") for line in lines[1:])
    feed.tasks[0].slices.append(Slice(0.1, 0.2, None))
    file.flush([feed])
    assert json.loads(reader.file.readline().rstrip(b",\n"))["ph"] == "C"
    assert json.loads(reader.file.readline().rstrip(b",\n"))["name"] == "run"
    feed.tasks[0].end_s, feed.tasks[0].outcome = 0.3, Outcome.RETURNED
    file.close([feed])
    reader.close_writing()
    rest = reader.file.read()
    assert rest.endswith(b"}\n]\n")
    assert b'"ph":"E"' in rest


def test_nothing_is_written_of_a_recorder_before_it_has_begun(reader: Reader) -> None:
    """Its clock begins with it: with an earlier header, all its times would be too early beside those of others."""
    recorder = Recorder(Program("client wget", "wget", "", ""))
    file = trace_file(reader.name)
    file.flush([recorder])
    asyncio.run(recorder.record(asyncio.sleep(0), name="main"))
    file.flush([recorder])
    file.close([recorder])
    reader.close_writing()
    trace = parse_trace(io.BytesIO(reader.file.read()), "pipe")
    assert trace.processes[0].clock.monotonic_s == pytest.approx(recorder.zero_s, abs=1e-6)
    assert trace.processes[0].loop == "asyncio"


def test_a_reader_that_ends_does_not_end_the_run(reader: Reader) -> None:
    """As `| head`: what follows is not written, and nothing is raised."""
    file = trace_file(reader.name)
    reader.file.close()
    feed = GrowingFeed(tasks=[GrowingLane(1, "main", 0.0)])
    file.flush([feed])
    file.flush([feed])
    file.close([feed])
    os.open(os.devnull, os.O_RDONLY)  # for the fixture to close


def test_a_device_without_room_is_told_at_the_end() -> None:
    """The run goes on without its trace: the error is raised when the file is closed."""
    feed = GrowingFeed(tasks=[GrowingLane(1, "main", 0.0)])
    file = trace_file("/dev/full")
    file.flush([feed])
    with pytest.raises(CannotWrite, match="/dev/full: No space left on device"):
        file.close([feed])


def test_a_reader_that_does_not_read_is_not_waited_for(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is made until it has read; at the end it is given some time, and no more."""
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    feed = GrowingFeed(tasks=[GrowingLane(n, "main", 0.0) for n in range(1, 2_000)])
    file = trace_file(reader.name)
    file.flush([feed])
    feed.tasks += [GrowingLane(n, "later", 0.0) for n in range(2_000, 3_000)]
    file.flush([feed])
    file.close([feed])
    reader.close_writing()
    data = reader.file.read()
    assert b"later" not in data
    assert 0 < len(data) <= 1 << 16


def test_a_slow_reader_gets_all_of_it(reader: Reader) -> None:
    """A pipe holds 64 KiB: the rest is written as it reads."""
    got: list[bytes] = []
    reading = threading.Thread(target=lambda: got.append(reader.file.read()))
    feed = GrowingFeed(tasks=[GrowingLane(n, "main", 0.0) for n in range(1, 5_000)])
    file = trace_file(reader.name)
    file.flush([feed])
    reading.start()
    reader_fd = reader.fd
    file.close([feed])
    os.close(reader_fd)
    reading.join()
    os.open(os.devnull, os.O_RDONLY)  # for the fixture to close
    back = parse_trace(io.BytesIO(got[0]), "pipe")
    assert len(back.tasks) == 4_999
    assert violations(events_of_file(got[0].decode())) == []


@pytest.mark.anyio
async def test_a_recording_is_written_when_its_block_ends(tmp_path: Path) -> None:
    """Also when the block raises."""
    path = tmp_path / "t.json"
    with pytest.raises(KeyError):
        async with recording_to(lambda: trace_file(str(path)), [full()]):
            raise KeyError
    assert violations(events_of_file(await asyncio.to_thread(path.read_text))) == []


@pytest.mark.anyio
async def test_a_live_recording_is_flushed_beside_the_run(reader: Reader) -> None:
    """What is recorded can be read before the block ends."""
    feed = GrowingFeed(tasks=[GrowingLane(1, "main", 0.0)])
    lines: list[bytes] = []

    async with recording_to(lambda: trace_file(reader.name), [feed]):
        lines += [await asyncio.to_thread(reader.file.readline) for _ in range(3)]
    reader.close_writing()
    assert lines[0] == b"[\n"
    assert (await asyncio.to_thread(reader.file.read)).endswith(b"]\n")


def test_a_trace_file_that_is_not_live_is_not_flushed(tmp_path: Path) -> None:
    """A file comes whole, at the end."""
    file: TraceFile = trace_file(str(tmp_path / "t.json"))
    file.flush([full()])
    assert not list(tmp_path.iterdir())
