"""Runs the scenes, each command line as a program of its own, and reads their traces.

Without a lab that stands, each run has an embedded one; and so has the pipeline over a broker, unless BROKER_URL names
a broker. A run whose program fails ends the report: its last lines are the evidence.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from lab import PROGRAM, ROOT
from lab.embedded.broker import find_program
from lab.errors import LabError
from lab.report.scenes import MISSING, Plan, Run
from services.client.defaults import ON_HOST
from services.client.report.page import Scene
from services.client.report.words import LANGUAGES, Language
from services.client.trace.chrome.reading import read_trace
from services.client.trace.model import Trace
from services.runtime.files.temporary import temporary_directory
from services.runtime.settings import Environment

MAX_S = 120  # of one run
EVIDENCE = 5  # lines
SOME_FAILED = (1, 4)  # exit codes of a run that has a picture all the same
KINDS = (1, 2, 3, 4, 130)  # exit codes of the client


class RunFailed(LabError):
    """A program of a scene did not do what it should; the exit code is that of the program, if it is of a kind."""

    def __init__(self, command: str, reason: str, evidence: str, *, exit_code: int = 1) -> None:
        super().__init__(
            f"{command} {reason}", "run it by itself to see more", evidence=evidence.splitlines()[-EVIDENCE:]
        )
        self.exit_code = exit_code if exit_code in KINDS else 1


def is_here(needed: str) -> bool:
    """Return whether what a run needs is installed."""
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


def recorded(plan: Plan, *, lab: str, say: Callable[[str], None]) -> Recorded:
    """Run a scene and return it with its recordings. `lab`: the URL of a lab that stands; empty: embedded ones.

    Raises RunFailed.
    """
    left_out = [run.needs for run in plan.runs if not is_here(run.needs)]
    runs = [run for run in plan.runs if run.needs not in left_out]
    traces, ok = [], True
    for run in runs:
        say(f"report: {typed(run, lab)}")
        trace, all_well = trace_of(run, lab)
        if not all_well:
            say("report: some of that failed: the picture shows them")
        traces.append(trace)
        ok = ok and all_well
    sentences = {
        language: (*plan.sentences[language], *(MISSING[name][language] for name in left_out)) for language in LANGUAGES
    }
    commands = {language: tuple(typed(run, lab, language) for run in runs) for language in LANGUAGES}
    return Recorded(Scene(traces, commands, plan.name, sentences), ok)


def is_embedded(run: Run, lab: str) -> bool:
    """Return whether a run has an embedded lab: where none stands, or it needs a broker and none is named."""
    return run.needs_lab and (not lab or (run.needs == "broker" and not Environment().text("BROKER_URL", "")))


def typed(run: Run, lab: str, language: Language = "en") -> str:
    """Return what a person types for a run, to have its picture."""
    first, *words = run.words
    ending = "html" if language == "en" else f"{language}.html"
    line = shlex.join([first, "--report", f"{run.file}.{ending}", *words])
    if run.needs_lab and not is_embedded(run, lab):
        return f"{ON_HOST} {line} --lab {shlex.quote(lab)}"
    return f"{PROGRAM} embedded {line}"


def command_line(run: Run, lab: str, trace: Path) -> list[str]:
    """Return the program of a run, and its words."""
    first, *words = run.words
    module = ("lab", "embedded") if is_embedded(run, lab) else ("services.client",)
    joins = ("--lab", lab) if run.needs_lab and not is_embedded(run, lab) else ()
    return [sys.executable, "-m", *module, first, "--trace", str(trace), *joins, *words]


def trace_of(run: Run, lab: str) -> tuple[Trace, bool]:
    """Run a command line, and return its trace, and whether all of it went well. Raises RunFailed."""
    with temporary_directory("lab-report-") as directory:
        file = directory / "trace.json"
        try:
            ended = subprocess.run(
                command_line(run, lab, file), cwd=ROOT, env=environment(os.environ), capture_output=True, text=True,
                errors="replace", timeout=MAX_S, check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise RunFailed(typed(run, lab), f"has not ended after {MAX_S} s", "") from error
        code = ended.returncode
        if code not in {0, *SOME_FAILED} or not file.exists():
            raise RunFailed(typed(run, lab), f"ended with exit code {code}", ended.stderr, exit_code=code)
        return titled(read_trace(file), run.title), code == 0


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a run: those of this program, and where its modules are found."""
    return {**variables, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), variables.get("PYTHONPATH", ""))))}


def titled(trace: Trace, title: str) -> Trace:
    """Return a trace whose processes have a title, for their panel; none: each keeps its own."""
    if not title:
        return trace
    return replace(trace, processes=tuple(replace(each, title=title) for each in trace.processes))
