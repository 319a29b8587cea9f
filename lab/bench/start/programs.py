"""The starts that need no container: each is the command that a person types, timed to its first line or to its end."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from lab import ROOT
from lab.bench.errors import BenchFailed
from lab.bench.harness.figures import Goal, Group, Row
from lab.bench.harness.processes import cost_of, last_lines, stop
from lab.bench.harness.rounds import Rounds, Say, interleaved
from services.runtime.files.temporary import temporary_directory, temporary_file

TIMEOUT_S = 60.0
LAB = str(Path(sys.executable).parent / "lab")
NOTHING, ARGPARSE, ASYNCIO = "python -c pass", "python -c 'import argparse'", "python -c 'import asyncio'"
HELP = "client --help"
EMBEDDED, SERVE, PYTEST = "lab embedded wget, to its first line", "lab serve, to ready", "pytest, one test"
HELP_RATIO = 2.5
ONE_TEST = "def test_one() -> None:\n    assert True\n"


def measure(rounds: Rounds, say: Say) -> Group:
    """Return the seconds of each start, as ratios to an interpreter that does nothing."""
    with temporary_directory("asynclab-bench-") as directory:
        (directory / "test_one.py").write_text(ONE_TEST, "utf-8")
        test = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(directory))
        turns: list[tuple[str, Callable[[], float]]] = [
            (NOTHING, partial(whole, NOTHING, (sys.executable, "-c", "pass"))),
            (ARGPARSE, partial(whole, ARGPARSE, (sys.executable, "-c", "import argparse"))),
            (ASYNCIO, partial(whole, ASYNCIO, (sys.executable, "-c", "import asyncio"))),
            (HELP, partial(whole, HELP, (sys.executable, "-m", "services.client", "--help"))),
            (EMBEDDED, partial(first_line, EMBEDDED, (LAB, "embedded", "wget"))),
            (SERVE, partial(first_line, SERVE, (LAB, "serve"))),
            (PYTEST, partial(whole, PYTEST, (*test, str(directory)))),
        ]
        measured = interleaved(turns, rounds.number, lambda line: say(f"start: {line}"))
    rows = tuple(
        Row(name, tuple(values), ours=name not in {NOTHING, ARGPARSE, ASYNCIO}) for name, values in measured.items()
    )
    goals = (Goal(HELP, HELP_RATIO, NOTHING, "what it imports", ARGPARSE),)
    return Group("start, without containers", "s", rows, NOTHING, higher_is_better=False, goals=goals)


def whole(name: str, command: Sequence[str]) -> float:
    """Return the seconds of a program from start to end. Raises BenchFailed."""
    return cost_of(name, command, timeout_s=TIMEOUT_S).wall_s


def first_line(name: str, command: Sequence[str]) -> float:
    """Return the seconds until a program's first line, and end it. Raises BenchFailed where there is none."""
    with temporary_file() as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        try:
            line = process.stdout.readline()
            seconds = time.perf_counter() - began
        finally:
            stop(process)
            process.stdout.close()
        if not line:
            raise BenchFailed(name, why="it printed nothing", evidence=last_lines(log))
    return seconds
