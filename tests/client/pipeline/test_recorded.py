"""Pipelines that are recorded: puts, gets, depth and hand-offs, and no other result than without a recording."""

import itertools
import json
from collections import Counter
from pathlib import Path

import pytest

from services.client.pipeline.editions import queue_
from services.client.pipeline.options import GENERATOR, QUEUE, Options
from services.client.pipeline.recorded import recorded, recorder_of
from services.client.pipeline.stages import Item, Result
from services.client.trace.chrome.file import CannotWrite
from services.client.trace.chrome.reading import read_trace
from services.client.trace.model import Outcome, Trace
from services.client.trace.recording import Recording
from services.runtime.settings import LOOPS
from tests.client.pipeline.editions import LOCAL, EditionTest, run_command
from tests.client.pipeline.test_queue import suspended
from tests.client.trace.chrome.format_rules import events_of_file, violations

loops = pytest.mark.parametrize("loop", LOOPS)


def traced(tmp_path: Path, loop: str, **options: object) -> Trace:
    """Run the command with --trace, and return what was recorded."""
    path = tmp_path / "t.json"
    code = run_command(Options(trace=str(path), **options), loop)  # type: ignore[arg-type]
    assert code == 0
    assert violations(events_of_file(path.read_text())) == []
    return read_trace(path)


@loops
def test_each_item_of_a_queue_is_handed_over_once(loop: str, tmp_path: Path) -> None:
    """From a producer's lane to a consumer's, in the order of time; the depth rises and falls by one."""
    trace = traced(tmp_path, loop, edition=QUEUE, items=40, producers=2, consumers=3, queue_size=4)
    names = {task.id: task.name for task in trace.tasks}
    arrows = trace.hand_offs
    assert sorted(each.name for each in arrows) == sorted(f"item {number}" for number in range(1, 41))
    assert {names[each.from_task].split()[0] for each in arrows} == {"producer"}
    assert {names[each.to_task].split()[0] for each in arrows} == {"consumer"}
    assert all(each.from_s <= each.to_s for each in arrows)
    depths = [each.depth for each in trace.depths]
    assert {after - before for before, after in itertools.pairwise([0, *depths])} == {1, -1}
    assert 0 < max(depths) <= 4
    assert depths[-1] == 0
    assert {each.queue for each in trace.depths} == {"items"}


@loops
def test_lanes_are_those_of_producers_and_consumers(loop: str, tmp_path: Path) -> None:
    """Named, children of the pipeline, and ended; the work on each item is a phase of its consumer."""
    trace = traced(tmp_path, loop, edition=QUEUE, items=10, producers=2, consumers=3)
    assert Counter(task.name for task in trace.tasks) == Counter(
        ["pipeline", "producer 1", "producer 2", "consumer 1", "consumer 2", "consumer 3"]
    )
    assert {task.parent for task in trace.tasks} == {None, 1}
    assert {task.outcome for task in trace.tasks} == {Outcome.RETURNED}
    consumers = {task.id for task in trace.tasks if task.name.startswith("consumer")}
    assert {phase.task for phase in trace.phases} <= consumers
    assert len(trace.phases) == 10
    (process,) = trace.processes
    assert (process.program, process.loop, process.mode, process.exit_code) == ("pipeline", loop, "at once", 0)


@loops
def test_the_generators_consumer_has_a_lane_and_takes_turns(loop: str, tmp_path: Path) -> None:
    """It is no task; while it runs, its producer does not."""
    trace = traced(tmp_path, loop, edition=GENERATOR, items=6)
    by_name = {task.name: task for task in trace.tasks}
    assert set(by_name) == {"producer", "consumer"}
    producer, consumer = by_name["producer"], by_name["consumer"]
    assert [(each.from_task, each.to_task) for each in trace.hand_offs] == [(producer.id, consumer.id)] * 6
    assert len(consumer.slices) == 6
    turns = sorted((each.begin_s, each.end_s) for task in (producer, consumer) for each in task.slices)
    assert all(before[1] <= after[0] + 1e-6 for before, after in itertools.pairwise(turns))
    assert trace.depths == ()
    assert consumer.outcome is Outcome.RETURNED


@loops
@pytest.mark.parametrize("edition", [GENERATOR, QUEUE])
@pytest.mark.parametrize("form", ["human", "json"])
def test_the_output_is_that_of_a_run_that_is_not_recorded(
    edition: str, form: str, loop: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """To the byte, but for times in the ledger."""
    outputs = []
    for trace in (None, str(tmp_path / "t.json")):
        assert run_command(Options(items=20, edition=edition, format=form, trace=trace), loop) == 0
        lines = capfdbinary.readouterr().out.splitlines()
        outputs.append([line for line in lines if b'"edition"' not in line])
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) in {20, 60}


@loops
def test_editions_that_are_compared_are_processes_of_one_trace(loop: str, tmp_path: Path) -> None:
    """With a title each, and not the ones that measure: recording would be measured too."""
    trace = traced(tmp_path, loop, edition="all", items=5)
    titles = [process.title for process in trace.processes]
    assert titles[:2] == ["generator", "queue"]
    assert Counter(each.to_process for each in trace.hand_offs) == {
        process.id: 5 for process in trace.processes if process.title
    }


@loops
@pytest.mark.parametrize("edition", [GENERATOR, QUEUE])
def test_fetches_have_phases_and_their_errors_are_marked(edition: str, loop: str, tmp_path: Path) -> None:
    """On the lane of the consumer that fetches, inside the phase of the item."""
    targets, path = tmp_path / "targets", tmp_path / "t.json"
    targets.write_text("www.163.com\nwww.sohu.com\nnone.test\n")
    options = Options(input=str(targets), edition=edition, trace=str(path))
    assert run_command(options, loop, in_lab=True) == 1
    assert violations(events_of_file(path.read_text())) == []
    trace = read_trace(path)
    consumers = {task.id for task in trace.tasks if task.name.startswith("consumer")}
    names = Counter(phase.name for phase in trace.phases if phase.task in consumers)
    assert names["connect"] == 2
    assert {name for name in names if name.startswith("item")} == {"item 1", "item 2", "item 3"}
    (mark,) = (each for each in trace.marks if each.kind == "error")
    assert mark.text.startswith("none.test: ")
    assert mark.task in consumers


def test_a_trace_that_cannot_be_written_is_refused_before_an_item_is_made(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its exit code is that of a file."""
    with pytest.raises(CannotWrite) as caught:
        run_command(Options(trace=str(tmp_path / "none" / "t.json")), "asyncio")
    assert caught.value.exit_code == 3
    assert "CONSUMER" not in capfd.readouterr().out


@pytest.mark.anyio
@pytest.mark.parametrize("edition", LOCAL.values(), ids=LOCAL)
async def test_an_error_of_the_work_is_recorded_and_raised(edition: object) -> None:
    """The lane of the consumer ends with it."""

    async def work(item: Item) -> Result:
        if item.id == 5:
            raise ValueError("a bug")
        return await suspended(item)

    recorder = recorder_of(QUEUE, Recording("pipeline"), titled=False)
    test = EditionTest(20, work)
    with pytest.raises((ValueError, ExceptionGroup)):
        await test.run(recorded(edition, recorder))  # type: ignore[arg-type]
    trace = recorder.trace()
    assert "ValueError: a bug" in {task.error for task in trace.tasks} or "unhandled errors" in str(trace.tasks)
    assert all(task.end_s is not None for task in trace.tasks)


@pytest.mark.anyio
async def test_every_result_is_there_of_a_recorded_run() -> None:
    """One an id, and nothing is lost."""
    test = EditionTest(250, suspended, producers=3, consumers=4, queue_size=5)
    await test.run(recorded(queue_.run, recorder_of(QUEUE, Recording("pipeline"), titled=False)))
    assert sorted(test.ids) == list(range(1, 251))
    assert test.ledger.is_sound


def test_a_recording_says_what_is_in_its_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """On stderr, and not where quiet is asked for; the file says how the program ended."""
    path = tmp_path / "t.json"
    run_command(Options(trace=str(path), edition=QUEUE, items=3), "asyncio")
    assert "trace: 6 tasks in" in capfd.readouterr().err
    run_command(Options(trace=str(path), edition=QUEUE, items=3, quiet=True), "asyncio")
    assert "trace:" not in capfd.readouterr().err
    ends = [each["args"]["exit_code"] for each in json.loads(path.read_text()) if each["name"] == "asynclab_end"]
    assert ends == [0]
