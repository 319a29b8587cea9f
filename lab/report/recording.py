"""Runs the scenes, each command line as a program of its own, and reads their traces.

Without a lab that stands, each run has an embedded one. A run whose program fails ends the report: its last lines are
the evidence.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from lab import PROGRAM, ROOT
from lab.embedded.broker import find_program
from lab.errors import LabError
from lab.report.scenes import MISSING, Plan, Run
from services.client.defaults import ON_HOST
from services.client.report.page import Scene
from services.client.report.words import LANGUAGES
from services.client.trace.chrome.reading import read_trace
from services.client.trace.model import Trace

MAX_S = 120  # of one run
EVIDENCE = 5  # lines


class RunFailed(LabError):
    """A program of a scene did not do what it should."""

    exit_code = 1

    def __init__(self, command: str, reason: str, evidence: str) -> None:
        super().__init__(
            f"{command} {reason}", "run it by itself to see more", evidence=evidence.splitlines()[-EVIDENCE:]
        )


def is_here(needed: str) -> bool:
    """Return whether what a run needs is installed."""
    match needed:
        case "broker":
            return find_program() is not None and find_spec("nats") is not None
        case "uvloop":
            return find_spec("uvloop") is not None
        case _:
            return True


def recorded(plan: Plan, *, lab: str, say: Callable[[str], None]) -> Scene:
    """Run a scene and return it with its recordings. `lab`: the URL of a lab that stands; empty: embedded ones.

    Raises RunFailed.
    """
    left_out = [run.needs for run in plan.runs if not is_here(run.needs)]
    traces = []
    for run in plan.runs:
        if run.needs not in left_out:
            say(f"report: {typed(run, lab)}")
            traces.append(trace_of(run, lab))
    sentences = {
        language: (*plan.sentences[language], *(MISSING[name][language] for name in left_out)) for language in LANGUAGES
    }
    commands = "; ".join(typed(run, lab) for run in plan.runs if run.needs not in left_out)
    return Scene(traces, commands, plan.name, sentences)


def is_embedded(run: Run, lab: str) -> bool:
    """Return whether a run has an embedded lab. A broker that stands is another matter: its run has its own."""
    return run.needs_lab and (not lab or run.needs == "broker")


def typed(run: Run, lab: str) -> str:
    """Return what a person types for a run."""
    words = " ".join(run.words)
    if run.needs_lab and not is_embedded(run, lab):
        return f"{ON_HOST} {words} --lab {lab}"
    return f"{PROGRAM} embedded {words}"


def trace_of(run: Run, lab: str) -> Trace:
    """Run a command line, and return its trace. Raises RunFailed."""
    with tempfile.TemporaryDirectory(prefix="lab-report-") as directory:
        file = Path(directory) / "trace.json"
        first, *words = run.words
        module = ("lab", "embedded") if is_embedded(run, lab) else ("services.client",)
        joins = ("--lab", lab) if run.needs_lab and not is_embedded(run, lab) else ()
        command = [sys.executable, "-m", *module, first, "--trace", str(file), *joins, *words]
        try:
            ended = subprocess.run(
                command, cwd=ROOT, env=environment(os.environ), capture_output=True, text=True, errors="replace",
                timeout=MAX_S, check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise RunFailed(typed(run, lab), f"has not ended after {MAX_S} s", "") from error
        if ended.returncode:
            raise RunFailed(typed(run, lab), f"ended with exit code {ended.returncode}", ended.stderr)
        return titled(read_trace(file), run.title)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a run: those of this program, and where its modules are found."""
    return {**variables, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), variables.get("PYTHONPATH", ""))))}


def titled(trace: Trace, title: str) -> Trace:
    """Return a trace of one program with a title for its panel; one of several programs has a panel without one."""
    if not title or len(trace.processes) != 1:
        return trace
    return replace(trace, processes=(replace(trace.processes[0], title=title),))
