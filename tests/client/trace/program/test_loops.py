"""`client trace`: every loop of a program is recorded, however it is made and run."""

from pathlib import Path

import pytest

from services.client.trace.model import Outcome
from tests.client.trace.program.written import program
from tests.client.trace.tracing import by_name, run_traced, trace_in

pytestmark = pytest.mark.usefixtures("unmeasured")

LOOPS = {
    "run": ("asyncio.run(work())", ["asyncio"]),
    "runner": ("with asyncio.Runner() as runner:\n    runner.run(work()); runner.run(work())", ["asyncio"]),
    "by hand": (
        "loop = asyncio.new_event_loop()\nfor _ in range(2):\n    loop.run_until_complete(work())\nloop.close()",
        ["asyncio"],
    ),
    "for ever": (
        (
            "loop = asyncio.new_event_loop()\ntask = loop.create_task(work())\n"
            "task.add_done_callback(lambda _: loop.stop())\nloop.run_forever()\nloop.close()"
        ),
        ["asyncio"],
    ),
    "uvloop": ("import uvloop\nuvloop.run(work())", ["uvloop"]),
    "factory": ("import uvloop\nasyncio.Runner(loop_factory=uvloop.new_event_loop).run(work())", ["uvloop"]),
    "anyio": ("import anyio\nanyio.run(work)", ["asyncio"]),
    "two": ("asyncio.run(work())\nasyncio.run(work())", ["asyncio", "asyncio"]),
    "both": ("import uvloop\nasyncio.run(work())\nuvloop.run(work())", ["asyncio", "uvloop"]),
    "threads": (
        (
            "threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(3)]\n"
            "for each in threads:\n    each.start()\nfor each in threads:\n    each.join()"
        ),
        ["asyncio"] * 3,
    ),
}


@pytest.mark.parametrize("kind", LOOPS)
def test_every_way_to_run_a_loop_is_recorded(kind: str, tmp_path: Path) -> None:
    """Each loop is a process of the trace; a loop that runs several times is one."""
    text, loops = LOOPS[kind]
    done = run_traced([program(tmp_path, text)], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    trace = trace_in(tmp_path)
    assert [each.loop for each in trace.processes] == loops
    runs = 2 if kind in {"runner", "by hand"} else 1
    for process in trace.processes:
        tasks = [task for task in trace.tasks if task.process == process.id and task.name.endswith("work")]
        assert [task.outcome for task in tasks] == [Outcome.RETURNED] * runs
    titles = [each.title for each in trace.processes]
    assert titles == ["", *(f"loop {number}" for number in range(2, len(loops) + 1))]


def test_a_factory_of_the_program_is_used_and_given_back(tmp_path: Path) -> None:
    """It makes the tasks, and what it makes them of is recorded."""
    text = (
        "made = []\ndef factory(loop, coroutine, **more):\n"
        "    made.append(1)\n    return asyncio.Task(coroutine, loop=loop, **more)\n"
        "async def main():\n    loop = asyncio.get_running_loop()\n    assert loop.get_task_factory() is None\n"
        "    loop.set_task_factory(factory)\n    assert loop.get_task_factory() is factory\n"
        "    await asyncio.create_task(work(), name='made')\n    print(len(made))\nasyncio.run(main())"
    )
    done = run_traced([program(tmp_path, text)], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert by_name(trace_in(tmp_path))["made"].outcome is Outcome.RETURNED


def test_tasks_beyond_the_bound_are_counted_and_run(tmp_path: Path) -> None:
    """They run as they are, and so cost next to nothing."""
    text = (
        "async def none():\n    pass\n"
        "async def main():\n    for _ in range(12):\n        async with asyncio.TaskGroup() as group:\n"
        "            tasks = [group.create_task(none()) for _ in range(1_000)]\n"
        "    print(type(tasks[-1].get_coro()).__name__)\nasyncio.run(main())"
    )
    done = run_traced([program(tmp_path, text)], cwd=tmp_path)
    assert done.stdout == "coroutine\n"
    assert "not recorded, beyond its bounds: 2,001 tasks;" in done.stderr
    assert len(trace_in(tmp_path).tasks) == 10_000
