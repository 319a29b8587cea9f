"""What a recorder keeps, on both loops: within bounds, freed when it has ended, told as JSON, and what it costs."""

import asyncio
import gc
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from services.client.trace import process
from services.client.trace.facts import Program
from services.client.trace.model import Dropped, Outcome, as_json
from services.client.trace.recorder import Recorder
from services.client.trace.tasks.recorded import Recorded
from tests.client.trace.tracing import by_name, recorded, turns

pytestmark = pytest.mark.anyio

Work = Coroutine[Any, Any, Any]


async def test_data_beyond_the_bounds_is_counted_and_not_kept() -> None:
    """Of every kind; the work is done all the same."""
    recorder = Recorder(most_tasks=2, most_slices=3, most_phases=1)

    async def main() -> int:
        for name in ("a", "b", "c"):
            with recorder.phase(name):
                await asyncio.create_task(turns(1), name=name)
        return 3

    assert await recorder.record(main(), name="main") == 3
    trace = recorder.trace()
    assert list(by_name(trace)) == ["main", "a"]
    assert sum(len(task.slices) for task in trace.tasks) == 3
    # main runs four times, a twice: six slices of kept tasks, of which three fitted
    assert trace.dropped == Dropped(tasks=2, slices=3, phases=2)
    assert [phase.name for phase in trace.phases] == ["a"]


async def test_a_phase_is_of_the_task_that_is_in_it() -> None:
    """Two tasks in phases at the same time do not mix theirs up; one that is left by an error ends there."""
    recorder = Recorder()

    async def work(name: str) -> None:
        with recorder.phase(f"{name} waits"):
            await turns(2)
        with pytest.raises(RuntimeError), recorder.phase(f"{name} fails"):
            raise RuntimeError

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for name in ("a", "b"):
                group.create_task(work(name), name=name)

    await recorder.record(main())
    trace = recorder.trace()
    tasks = by_name(trace)
    assert {phase.name: phase.task for phase in trace.phases} == {
        f"{name} {what}": tasks[name].id for name in ("a", "b") for what in ("waits", "fails")
    }
    for phase in trace.phases:
        assert 0 <= phase.begin_s <= phase.end_s <= trace.total_s


async def test_a_task_can_be_printed_and_asked_for_its_stack() -> None:
    """What debuggers ask of a task is answered by its own coroutine."""

    async def look() -> None:
        task = asyncio.current_task()
        assert task
        assert "look" in repr(task)
        assert task.get_stack()[-1].f_code.co_name == "look"

    recorder = Recorder()
    await recorder.record(look(), name="looks")
    assert by_name(recorder.trace())["looks"].outcome is Outcome.RETURNED


async def test_ended_tasks_are_freed() -> None:
    """A trace keeps what a task did, and not its result."""

    class Result:
        """Something to count."""

    async def give() -> Result:
        return Result()

    async def main() -> None:
        for _ in range(10):
            await asyncio.create_task(give())

    recorder = Recorder()
    await recorder.record(main())
    gc.collect()
    assert not [each for each in gc.get_objects() if type(each) is Result]
    assert len(recorder.trace().tasks) == 11


async def test_a_trace_is_json_by_the_names_of_its_fields() -> None:
    """Times are seconds, to the microsecond; the loop's name is in it."""
    recorder = Recorder()

    async def main() -> None:
        with recorder.phase("all"):
            await turns(1)

    await recorder.record(main(), name="main")
    trace = recorder.trace()
    data = json.loads(json.dumps(as_json(trace)))
    assert data.keys() == {"loop", "begun", "total_s", "tasks", "phases", "dropped"}
    assert data["loop"] == type(asyncio.get_running_loop()).__module__.partition(".")[0]
    assert data["begun"].endswith("Z")
    (task,) = data["tasks"]
    assert task.keys() == {"id", "name", "parent", "begin_s", "end_s", "outcome", "slices"}
    assert (task["id"], task["name"], task["parent"], task["outcome"]) == (1, "main", None, "returned")
    assert [each.keys() for each in task["slices"]] == [{"begin_s", "end_s", "awaits"}] * 2
    assert data["phases"][0].keys() == {"name", "task", "begin_s", "end_s"}
    assert data["dropped"] == {"tasks": 0, "slices": 0, "phases": 0}
    assert data["total_s"] == round(trace.total_s, 6)


async def test_what_a_slice_costs_is_measured_on_slices_that_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is dropped costs less."""
    monkeypatch.setattr(process, "SLICE_COST_S", {})
    kept = []

    def measured(follow: Callable[[Work], Work]) -> float:
        work = follow(turns(3))
        assert isinstance(work, Recorded)
        for _ in range(3):
            work.send(None)
        kept.append(len(work.track.slices_from(0)))
        work.close()
        return 1.0

    monkeypatch.setattr(process, "cost_s", measured)
    recorder = Recorder()
    await recorder.record(turns(2))
    assert recorder.process.overhead_s
    assert recorder.process.overhead_s >= 3
    assert kept == [3]


async def test_a_process_says_what_it_was_and_what_it_cost() -> None:
    """Its clock fits its times; work and waits are those of its tasks, and the recorder's own time is reckoned."""
    recorder = Recorder(Program("client wget", "wget", "at once", "At once"))
    before_s = time.perf_counter()

    async def main() -> None:
        for _ in range(100):
            await asyncio.sleep(0)

    trace = await recorded(main(), recorder)
    [process] = trace.processes
    assert (process.name, process.program, process.mode, process.title) == ("client wget", "wget", "at once", "At once")
    assert process.loop == type(asyncio.get_running_loop()).__module__.partition(".")[0]
    assert before_s <= process.clock.monotonic_s <= time.perf_counter()
    assert process.clock.error_s >= 0
    [task] = trace.tasks
    ran_s = sum(each.end_s - each.begin_s for each in task.slices)
    assert process.work_s == pytest.approx(ran_s)
    assert task.end_s is not None
    assert process.work_s + process.wait_s == pytest.approx(task.end_s - task.begin_s)
    assert process.overhead_s is not None
    assert process.overhead_s > 0
    assert process.id != Recorder().process.id


async def test_two_recorders_are_two_processes_of_one_clock() -> None:
    """Numbers of tasks begin anew; numbers of processes do not."""
    traces = [await recorded(asyncio.sleep(0)) for _ in range(2)]
    first, second = (trace.processes[0] for trace in traces)
    assert first.id != second.id
    assert first.clock.boot == second.clock.boot
    assert first.clock.monotonic_s < second.clock.monotonic_s
    assert [trace.tasks[0].process for trace in traces] == [first.id, second.id]
