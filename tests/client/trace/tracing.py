"""Running `client trace` on a program, and reading what it has written."""

import asyncio
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from services.client.trace.chrome.reading import read_trace
from services.client.trace.model import Task, Trace
from services.client.trace.recorder import Recorder

ROOT = Path(__file__).parents[3]


def run_python(words: list[str], *, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run Python on these words."""
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=cwd, timeout=50, check=False)


def run_traced(words: list[str], *, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run `client trace` with these words."""
    return run_python(["-m", "services.client", "trace", *words], cwd=cwd)


def trace_in(directory: Path, name: str = "trace.json") -> Trace:
    """Return the trace of a file."""
    return read_trace(directory / name)


def by_name(trace: Trace) -> dict[str, Task]:
    """Return the tasks of a trace by their names."""
    return {task.name: task for task in trace.tasks}


def waits(task: Task) -> set[tuple[str, str]]:
    """Return what a task waited for: the kinds, and the files of the places."""
    return {(each.kind, each.place.partition(":")[0]) for each in task.slices if each.kind}


async def turns(count: int) -> int:
    """Let the loop run so many rounds."""
    for _ in range(count):
        await asyncio.sleep(0)
    return count


async def recorded(work: Coroutine[Any, Any, Any], recorder: Recorder | None = None) -> Trace:
    """Record some work, and return the trace."""
    recorder = recorder or Recorder()
    await recorder.record(work, name="main")
    return recorder.trace()
