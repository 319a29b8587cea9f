"""`lab doctor --time`: how long the lab takes to start on this machine.

Each figure is the median of RUNS runs of the command that a person types.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lab import ROOT
from lab.compose.stack import Stack
from lab.doctor import Finding
from lab.settings import Settings
from lab.timed import nothing, timed

RUNS = 3
HELP_RUNS = 20
PROJECT = "asynclab-timing"
HELP = (sys.executable, "-m", "services.client", "wget", "--help")
NOTHING = (sys.executable, "-c", "pass")
DEMO = (str(Path(sys.executable).parent / "lab"), "embedded", "wget")


def timings(say: Callable[[str], None], settings: Settings) -> list[Finding]:
    """Time a warm `up`, a client's run and the start of the demo, with a project for this alone."""
    stack = Stack(PROJECT, settings.with_environment({"HELLO_PORT": "0", "GATEWAY_PORT": "0", "WATCH_PORT": "0"}))
    stack.up(say)
    say(f"Timing {RUNS} runs of each")
    try:
        client = median(lambda: stack.run_client(["wget"]))
        up = median(lambda: stack.up(say), before=stack.down)
    finally:
        stack.down()
    return [
        finding("warm `make up`, from nothing running", up),
        finding("`docker compose run --rm -T client wget`", client),
        finding("`make demo`, to its first line", statistics.median([first_line() for _ in range(RUNS)])),
        Finding("`client wget --help`", f"{help_ratio():.2f} times `python -c pass` (medians of {HELP_RUNS})"),
    ]


def finding(what: str, seconds: float) -> Finding:
    """Return a row of the doctor's table."""
    return Finding(what, f"{seconds:.2f} s (median of {RUNS})")


def median(action: Callable[[], object], *, before: Callable[[], object] = nothing) -> float:
    """Return the median seconds that an action takes; `before` is not timed."""
    return statistics.median([timed(action, before=before) for _ in range(RUNS)])


def help_ratio() -> float:
    """Return how many times longer the survey's help takes than an interpreter that does nothing."""

    def run(command: tuple[str, ...]) -> None:
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)

    pairs = [(timed(partial(run, HELP)), timed(partial(run, NOTHING))) for _ in range(HELP_RUNS)]
    return statistics.median(helped for helped, _ in pairs) / statistics.median(idle for _, idle in pairs)


def first_line() -> float:
    """Return the seconds from the demo's start to its first line of output."""
    began = time.perf_counter()
    with subprocess.Popen(DEMO, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as demo:
        assert demo.stdout is not None  # noqa: S101 - it was started with a pipe
        demo.stdout.readline()
        seconds = time.perf_counter() - began
        demo.stdout.read()
    return seconds
