"""`client trace` on programs as other people write them, on both loops: their lanes make sense."""

import sys
from pathlib import Path

import pytest

from services.client.trace.model import Outcome
from services.runtime.settings import LOOPS
from tests.client.trace.tracing import by_name, run_traced, trace_in, waits

PROGRAMS = Path(__file__).parent / "programs"

pytestmark = [pytest.mark.usefixtures("unmeasured"), pytest.mark.parametrize("loop", LOOPS)]


def record(name: str, loop: str, directory: Path) -> str:
    """Record a program of the folder, and return what it prints."""
    done = run_traced([str(PROGRAMS / name), loop], cwd=directory)
    assert done.returncode == 0, done.stderr
    return done.stdout


def passes_by_the_factory(loop: str) -> bool:
    """Whether aiohttp's server makes its tasks itself: eager ones, which a loop without them cannot be asked for."""
    return sys.version_info >= (3, 12) and (sys.version_info < (3, 14) or loop == "uvloop")


def test_an_aiohttp_client_and_server(loop: str, tmp_path: Path) -> None:
    """Each fetch is a lane, child of the first task, and waits for sockets; each request is served by a task."""
    assert record("aiohttp_client_and_server.py", loop, tmp_path) == "asked 3\n"
    trace = trace_in(tmp_path)
    assert trace.loop == loop
    tasks = by_name(trace)
    place = "aiohttp_client_and_server.py"
    for name in ("ann", "ben", "cem"):
        assert (tasks[name].parent, tasks[name].outcome) == (tasks["main"].id, Outcome.RETURNED)
        assert ("socket", place) in waits(tasks[name])
    served = [task for task in trace.tasks if ("sleep", place) in waits(task)]
    assert len(served) == (0 if passes_by_the_factory(loop) else 3)
    assert all(task.parent not in (None, tasks["main"].id) for task in served)
    assert ("task", place) in waits(tasks["main"])


def test_an_anyio_task_group(loop: str, tmp_path: Path) -> None:
    """Workers sleep and the first task waits for the stream, then for a thread; what the scope cancels is cancelled."""
    assert record("anyio_task_group.py", loop, tmp_path) == "got [1, 2, 3]\n"
    trace = trace_in(tmp_path)
    assert trace.loop == loop
    place = "anyio_task_group.py"
    tasks = by_name(trace)
    [main] = [task for task in trace.tasks if task.parent is None]
    assert {"queue", "thread"} <= {kind for kind, _ in waits(main)}
    assert {each for _, each in waits(main)} == {place}
    for number in (1, 2, 3):
        assert ("sleep", place) in waits(tasks[f"worker {number}"])
        assert tasks[f"worker {number}"].parent == main.id
    assert tasks["never"].outcome is Outcome.CANCELLED
    assert tasks["never"].id in [mark.task for mark in trace.marks if mark.kind == "cancel"]


def test_a_websockets_chat(loop: str, tmp_path: Path) -> None:
    """People wait for the connection and for one another; the server's side of each is at its `async for`."""
    assert record("websockets_chat.py", loop, tmp_path) == "heard 4\n"
    trace = trace_in(tmp_path)
    place = "websockets_chat.py"
    tasks = by_name(trace)
    for name in ("ann", "ben"):
        assert ("socket", place) in waits(tasks[name])
        assert tasks[name].parent == tasks["main"].id
    assert any("lock" in {kind for kind, _ in waits(tasks[name])} for name in ("ann", "ben"))
    source = (PROGRAMS / "websockets_chat.py").read_text().splitlines()
    line = 1 + next(number for number, text in enumerate(source) if "async for" in text)
    handlers = [task for task in trace.tasks if f"{place}:{line}" in {each.place for each in task.slices}]
    assert len(handlers) == 2
    assert all(task.outcome is Outcome.RETURNED for task in handlers)
