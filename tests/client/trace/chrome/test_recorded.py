"""What the recorder records, in a file and back, and into a pipe while it records: on both loops."""

import asyncio
import io
import itertools
import json
from pathlib import Path

import pytest

from services.client.trace.chrome.events import Event
from services.client.trace.chrome.file import trace_file
from services.client.trace.chrome.reading import parse_trace, read_trace
from services.client.trace.chrome.to_events import maker_of
from services.client.trace.facts import Program
from services.client.trace.model import Outcome, Trace
from services.client.trace.recorder import Recorder
from tests.client.trace.chrome.format_rules import events_of_file, violations
from tests.client.trace.chrome.test_reading import close, same_slice, without_times

pytestmark = pytest.mark.anyio


async def work(recorder: Recorder) -> None:
    """Do something of everything: phases across waits, a queue, a cancellation, an error, a lane, an arrow."""
    queue: asyncio.Queue[int] = asyncio.Queue(2)

    async def produce() -> None:
        for number in range(5):
            with recorder.phase(f"put {number}"):
                await queue.put(number)
            recorder.depth("numbers", queue.qsize())

    async def consume() -> None:
        lane = recorder.lane("lane")
        for _ in range(5):
            with recorder.phase("get"):
                await queue.get()
                with recorder.running_in(lane), recorder.phase("inner"):
                    await asyncio.sleep(0)
        lane.finish("done", ok=True)
        lane.ended(recorder.total_s, Outcome.RETURNED)

    async def fail() -> None:
        await asyncio.sleep(0)
        raise OSError("no")

    given = recorder.point()
    async with asyncio.TaskGroup() as group:
        group.create_task(produce(), name="produce")
        group.create_task(consume(), name="consume")
        waiting = group.create_task(asyncio.Event().wait(), name="waiting")
        failing = asyncio.ensure_future(fail())
        await asyncio.wait([failing])
        recorder.mark("error", str(failing.exception()))
        waiting.cancel()
    if given and (taken := recorder.point()):
        recorder.handed_off("itself", given, taken)


def check_same(whole: Trace, back: Trace) -> None:
    """Check that what was read is what was recorded, but for the rounding of times."""
    for one, other in zip(whole.tasks, back.tasks, strict=True):
        assert without_times(one) == without_times(other)
        assert one.name == other.name
        assert close(one.begin_s, other.begin_s)
        assert len(one.slices) == len(other.slices)
        assert all(map(same_slice, one.slices, other.slices))
    assert [each.name for each in whole.phases] == [each.name for each in back.phases]
    assert [each.depth for each in whole.depths] == [each.depth for each in back.depths]
    assert [(each.kind, each.text, each.task) for each in whole.marks] == [
        (each.kind, each.text, each.task) for each in back.marks
    ]
    assert len(whole.hand_offs) == len(back.hand_offs)


async def test_a_recording_is_the_same_when_it_is_read_back(tmp_path: Path) -> None:
    """Tasks, their slices and what they waited for, phases, depths, marks; and the file follows the rules."""
    recorder = Recorder(Program("client test", "test"))
    await recorder.record(work(recorder))
    path = tmp_path / "t.json"

    def write_and_read() -> tuple[str, Trace]:
        trace_file(str(path)).close([recorder])
        return path.read_text(), read_trace(path)

    text, back = await asyncio.to_thread(write_and_read)
    assert violations(events_of_file(text)) == []
    check_same(recorder.trace(), back)
    outcomes = {task.name: task.outcome for task in back.tasks}
    assert outcomes["waiting"] == "cancelled"


async def test_a_recording_that_is_looked_at_all_the_time_is_the_same() -> None:
    """Whenever a live writer looks, between any two turns of the loop: all is written, once, and nests."""
    recorder = Recorder(Program("client test", "test"))
    maker = maker_of(recorder, itertools.count(1))
    events: list[Event] = []

    async def look() -> None:
        while True:
            events.extend(maker.news())
            await asyncio.sleep(0)

    looking = asyncio.ensure_future(look())
    await recorder.record(work(recorder))
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    events += [*maker.news(), *maker.end()]
    read = json.loads(json.dumps(events))
    assert violations(read) == []
    text = "[\n" + ",\n".join(json.dumps(each) for each in events) + "\n]\n"
    check_same(recorder.trace(), parse_trace(io.BytesIO(text.encode()), "pipe"))
