"""Runs the scenes, each command line as a program of its own, and reads their traces; `ways` says in which lab.

A run whose program fails ends the report: its last lines are the evidence.
"""

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from lab import ROOT, subprocesses
from lab.embedded.broker import find_program
from lab.errors import LabError
from lab.report.scenes import LAB_WITHOUT_BROKER, MISSING, TARGETS, Plan, Run
from lab.report.ways import Labs, Way
from lab.subprocesses import TIMED_OUT
from services.client.report.page import Scene
from services.client.report.words import LANGUAGES
from services.client.trace.chrome.reading import read_trace
from services.client.trace.model import Trace
from services.runtime.files.temporary import temporary_directory
from services.runtime.process import tied_to_parent

MAX_S = 120  # of one run
EVIDENCE = 5  # lines
SOME_FAILED = (1, 4)  # exit codes of a run that has a picture all the same
KINDS = (1, 2, 3, 4, 130)  # exit codes of the client
FILE = "trace.json"


class RunFailed(LabError):
    """A program of a scene did not do what it should; the exit code is that of the program, if it is of a kind."""

    def __init__(self, command: str, reason: str, evidence: str, *, exit_code: int = 1) -> None:
        super().__init__(
            f"{command} {reason}", "run it by itself to see more", evidence=evidence.splitlines()[-EVIDENCE:]
        )
        self.exit_code = exit_code if exit_code in KINDS else 1


def is_here(needed: str) -> bool:
    """Return whether what a run on this host needs is installed."""
    match needed:
        case "broker":
            return find_program() is not None and find_spec("nats") is not None
        case "uvloop":
            return find_spec("uvloop") is not None
        case _:
            return True


@dataclass(frozen=True, slots=True)
class Recorded:
    """A scene that was run; `ok`: whether every target, user and job of it ended well."""

    scene: Scene
    ok: bool


def recorded(plan: Plan, *, labs: Labs, say: Callable[[str], None]) -> Recorded:
    """Run a scene and return it with its recordings. Raises RunFailed."""
    runs = [run for run in plan.runs if labs.way(run) is Way.IN_CONTAINER or is_here(run.needs)]
    traces, ok = [], True
    for run in runs:
        say(f"report: {labs.typed(run)}")
        trace, all_well = trace_of(run, labs)
        if not all_well:
            say("report: some of that failed: the picture shows them")
        traces.append(trace)
        ok = ok and all_well
    left_out = [MISSING[run.needs] for run in plan.runs if run not in runs]
    elsewhere = [LAB_WITHOUT_BROKER for run in runs if labs.lacks_broker(run)]
    sentences = {
        language: (*plan.sentences[language], *(each[language] for each in (*left_out, *elsewhere)))
        for language in LANGUAGES
    }
    commands = {language: tuple(labs.typed(run, language) for run in runs) for language in LANGUAGES}
    return Recorded(Scene(traces, commands, plan.name, sentences), ok)


def trace_of(run: Run, labs: Labs) -> tuple[Trace, bool]:
    """Run a command line, and return its trace, and whether all of it went well. Raises RunFailed.

    Whatever ends this program meanwhile, the other one is ended in order first.
    """
    with temporary_directory("lab-report-") as directory:
        ended = subprocesses.run(
            tied_to_parent(command_line(run, labs, directory)),
            timeout_s=MAX_S,
            cwd=ROOT,
            environ=environment(os.environ, directory),
        )
        if ended.code == TIMED_OUT:
            raise RunFailed(labs.typed(run), f"has not ended after {MAX_S} s", "")
        file = directory / FILE
        if ended.code not in {0, *SOME_FAILED} or not file.exists():
            raise RunFailed(labs.typed(run), f"ended with exit code {ended.code}", ended.err, exit_code=ended.code)
        return titled(read_trace(file), run.title), ended.code == 0


def command_line(run: Run, labs: Labs, directory: Path) -> list[str]:
    """Return the program of a run, and its words. `directory`: of its trace; it may get files that the run reads."""
    first, *words = run.words
    file = str(directory / FILE)
    match labs.way(run):
        case Way.IN_CONTAINER:  # whose files are those of the directory
            copy = directory / TARGETS
            copy.parent.mkdir(parents=True)
            shutil.copyfile(ROOT / TARGETS, copy)
            return module("lab", "run", first, "--trace", FILE, *words)
        case Way.JOINED:
            return module("services.client", first, "--trace", file, "--lab", labs.url, *words)
        case Way.EMBEDDED:
            program = ("lab", "embedded") if run.needs_lab else ("services.client",)
            return module(*program, first, "--trace", file, *words)


def module(name: str, *words: str) -> list[str]:
    """Return the command that runs a module."""
    return [sys.executable, "-m", name, *words]


def environment(variables: Mapping[str, str], directory: Path) -> dict[str, str]:
    """Return the variables of a run: those of this program, where its modules are found, and whose files it has.

    The last are for a client in its container: it reads and writes in `directory`, as the user who owns that.
    """
    return {
        **variables,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), variables.get("PYTHONPATH", "")))),
        "LAB_FILES": str(directory),
        "LAB_USER": f"{os.getuid()}:{os.getgid()}",
    }


def titled(trace: Trace, title: str) -> Trace:
    """Return a trace whose processes have a title, for their panel; none: each keeps its own."""
    if not title:
        return trace
    return replace(trace, processes=tuple(replace(each, title=title) for each in trace.processes))
