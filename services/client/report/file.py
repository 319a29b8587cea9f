"""The file that a report goes into: it is refused before the run if it cannot be written, and written at the end."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from services.client.report.words import Language
from services.client.trace.chrome.feed import Feed, Lane
from services.client.trace.chrome.file import is_pipe
from services.client.trace.model import Task, Trace
from services.runtime.errors import ProgramError
from services.runtime.files.ownership import write_lines
from services.runtime.terminal import printable

CHINESE = ".zh.html"  # the end of the name of a report in Chinese


class CannotWriteReport(ProgramError):
    """A report cannot be written where it is asked for."""

    exit_code = 3

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"cannot write the report to {printable(name[:200])}: {reason}")
        self.name, self.reason = name, reason


class ReportFile:
    """A report that is to be written: `close` does it.

    Arguments:
        name: of the file; one that ends in `.zh.html` is written in Chinese.
        command: what makes the recording again.

    Raises CannotWriteReport. What has this name stays as it is until the end.
    """

    is_live = False

    def __init__(self, name: str, *, command: str) -> None:
        self._name, self._command = name, command
        check_writable(name)
        self._path = Path(name).absolute()  # the program that is recorded may change its directory

    def flush(self, feeds: Sequence[Feed]) -> None:
        """Do nothing: a report is of a run that has ended."""

    def close(self, feeds: Sequence[Feed]) -> None:
        """Write the report on what was recorded. Blocks. Raises CannotWriteReport."""
        from services.client.report.page import report_html

        traces = [trace_of(each) for each in feeds]
        title = next((process.name for trace in traces for process in trace.processes), "asynclab")
        html = report_html(traces, title=title, command=self._command, language=language_of(self._name))
        write_report(str(self._path), html)


def check_writable(name: str) -> None:
    """Refuse a name that no report can have. Raises CannotWriteReport."""
    try:
        if is_pipe(name):
            raise CannotWriteReport(name, "a report is a file, and this is a pipe or a device")
        with tempfile.TemporaryFile(dir=Path(os.path.realpath(name)).parent):  # there may be files
            pass
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise CannotWriteReport(name, reason) from error


def write_report(name: str, html: str) -> None:
    """Write a report. Raises CannotWriteReport."""
    try:
        write_lines(Path(name), [html])
    except OSError as error:
        raise CannotWriteReport(name, error.strerror or str(error)) from error


def language_of(name: str) -> Language:
    """Return the language of a report, which its file's name tells."""
    return "zh" if name.casefold().endswith(CHINESE) else "en"


def trace_of(feed: Feed) -> Trace:
    """Return all that a recorder has, as a trace."""
    return Trace(
        tuple(feed.processes),
        tuple(task_of(each) for each in feed.tasks),
        tuple(feed.phases),
        tuple(feed.marks),
        tuple(feed.depths),
        tuple(feed.hand_offs),
        tuple(feed.lags),
        tuple(feed.blockings),
    )


def task_of(lane: Lane) -> Task:
    """Return a task as it is now."""
    return Task(
        lane.id,
        lane.name,
        lane.parent,
        lane.begin_s,
        lane.end_s,
        lane.outcome,
        tuple(lane.slices_from(0)),
        error=lane.error,
        note=lane.note,
        ok=lane.ok,
        process=lane.process,
    )
