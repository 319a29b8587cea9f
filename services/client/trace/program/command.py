"""`client trace SCRIPT.py [ARGS]` or `client trace -m MODULE [ARGS]`: a person's own asyncio program, recorded.

The program runs in this process as Python would run it. Its output is its own; one line on stderr says what was
recorded. The trace is written whatever becomes of the program: an error, `sys.exit`, ^C, SIGTERM. Only what ends a
process at once, as SIGKILL, leaves none; into a pipe, the trace is written as it comes.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.client.defaults import HELD_S, ON_HOST
from services.client.trace.facts import Program
from services.client.trace.kept import Kept
from services.client.trace.program.ending import written_at_the_end
from services.client.trace.program.loops import LoopRecorders
from services.client.trace.program.script import check_module, read_script, run_module, run_script
from services.client.trace.summary import recorded_line
from services.runtime.errors import ProgramError
from services.runtime.terminal import printable, say


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `client trace`.

    `words`: the script and its arguments; `module`: a module's name and its arguments instead. `trace`, `report`: the
    files. `held_s`: how long a call may hold the loop. `places`: whether functions and lines are noted.
    """

    words: list[str]
    module: list[str]
    trace: str
    report: str | None
    held_s: float
    places: bool
    quiet: bool


class NoProgram(ProgramError):
    """The command line names no program, or two."""


def run(options: Options) -> int:
    """Run the program, write its trace, and return its exit code. Raises ProgramError before it runs."""
    check(options)
    program = program_of(options)
    name = Path((options.module or options.words)[0]).name
    loops = LoopRecorders(Program(name=name, program=name), places=options.places, held_s=options.held_s)
    script = None if options.module else options.words[0]
    kept = Kept(options.trace, options.report, made_again_by(options), (("the script", script),))

    def tell() -> None:
        if not options.quiet:
            say(printable(f"trace: {recorded_line(loops.recorders, kept.names)}"))

    with written_at_the_end(kept.open(), loops, tell) as ending, loops.recording():
        ending.code = program()
    return ending.code


def made_again_by(options: Options) -> str:
    """Return the command that makes the report again: with the options that change what it shows."""
    held = [] if options.held_s == HELD_S else ["--held", f"{options.held_s:g}"]
    places = [] if options.places else ["--no-places"]
    report = [] if options.report is None else ["--report", options.report]
    return f"{ON_HOST} trace {shlex.join([*held, *places, *report, *words_of(options)])}"


def words_of(options: Options) -> list[str]:
    """Return the program and its arguments, as a person types them."""
    return ["-m", *options.module] if options.module else options.words


def check(options: Options) -> None:
    """Refuse a command line that names no program, or two. Raises NoProgram."""
    if not options.words and not options.module:
        raise NoProgram("trace records a program: give it, as in `trace SCRIPT.py` or `trace -m MODULE`")
    if options.words and options.module:
        raise NoProgram("trace records a script or a module: leave out -m, or the script")


def program_of(options: Options) -> Callable[[], int]:
    """Return what runs the program. Raises InputUnreadable or NoModule."""
    if options.module:
        name, *arguments = options.module
        check_module(name)
        return partial(run_module, name, arguments)
    script, *arguments = options.words
    return partial(run_script, script, read_script(script), arguments)
