"""What a command of the client does with --trace FILE and --report FILE.html: its recorders, the files, and the line
that says what is there.

async with recording(Kept(options.trace, options.report, settings.command), "wget") as run:
    recorder = run.new(mode="at once")
    ...
    run.exit_code = code
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.client.trace.chrome.feed import Feed
from services.client.trace.facts import Program
from services.client.trace.kept import Kept
from services.client.trace.recorder import Recorder
from services.runtime.terminal import printable, say


class Recording:
    """The recorders of one run of a command, in their order. `exit_code`: how it ended; `is_kept`: in a file.

    `feeds`: of what the files are made: the recorders, and what others tell of their part of the run.
    """

    def __init__(self, command: str, *, is_kept: bool = False) -> None:
        self.recorders: list[Recorder] = []
        self.feeds: list[Feed] = []
        self.is_kept = is_kept
        self.exit_code: int | None = None
        self._command = command

    def new(self, *, mode: str = "", title: str = "") -> Recorder:
        """Return a recorder of this run. `mode`: at once, or one after another; `title`: of its panel."""
        recorder = Recorder(Program(f"client {self._command}", self._command, mode, title))
        self.recorders.append(recorder)
        self.feeds.append(recorder)
        return recorder


@asynccontextmanager
async def recording(kept: Kept, command: str, *, quiet: bool = False) -> AsyncIterator[Recording]:
    """Record the run of a command into files, if there are any. Raises ProgramError before anything is done.

    `quiet`: whether nothing is said of it on stderr.
    """
    run = Recording(command, is_kept=bool(kept))
    if not kept:
        yield run
        return

    from services.client.trace.chrome.file import recording_to
    from services.client.trace.summary import recorded_line

    async with recording_to(kept.open, run.feeds):
        try:
            yield run
        finally:
            for recorder in run.recorders:
                recorder.own.exit_code = run.exit_code
    if not quiet:
        say(printable(f"trace: {recorded_line(run.recorders, kept.names)}"))
