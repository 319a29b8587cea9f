"""Where a recording is kept: in a trace (--trace FILE), in a report (--report FILE.html), in both, or nowhere."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from services.client.trace.chrome.feed import Feed
from services.runtime.errors import ProgramError


class KeptFile(Protocol):
    """A file that a recording goes into. `is_live`: as it comes. `TraceFile` and `ReportFile` are such files."""

    @property
    def is_live(self) -> bool: ...

    def flush(self, feeds: Sequence[Feed]) -> None:
        """Write what is new, if the file is live."""
        ...

    def close(self, feeds: Sequence[Feed]) -> None:
        """Write all that is not written yet. Raises ProgramError."""
        ...


class OneFile(ProgramError):
    """A recording is to go into a file that has another use. `one`, `other`: what names it, as a person knows them."""

    def __init__(self, name: str, one: str = "--trace", other: str = "--report") -> None:
        super().__init__(f"{one} and {other} both name {name[:200]!r}: give them two files")
        self.name, self.one, self.other = name, one, other


class Files:
    """Several files as one."""

    def __init__(self, files: Sequence[KeptFile]) -> None:
        self._files = files

    @property
    def is_live(self) -> bool:
        return any(each.is_live for each in self._files)

    def flush(self, feeds: Sequence[Feed]) -> None:
        """Write what is new into those that are live."""
        for each in self._files:
            each.flush(feeds)

    def close(self, feeds: Sequence[Feed]) -> None:
        """Write the rest into each, also where another cannot be written. Raises ProgramError."""
        with ExitStack() as stack:
            for each in self._files:
                stack.callback(each.close, feeds)


def is_one_file(one: str, other: str) -> bool:
    """Return whether two names are of one file, by other ways or through links; what no file can have is of none."""
    try:
        return os.path.realpath(one) == os.path.realpath(other)
    except ValueError:  # a name with a NUL
        return False


def is_replaced(name: str) -> bool:
    """Return whether what is written to a name takes the place of what was there: not so in a pipe or a device."""
    return os.path.isfile(name) or not os.path.exists(name)  # noqa: PTH110, PTH113 - they take any name, also with a NUL


@dataclass(frozen=True, slots=True)
class Kept:
    """The names of the files; None for none. `command`: what a person types to make the recording again.

    `others`: the files that the run reads and writes besides, each with what names it, as `--input`; None for none.
    """

    trace: str | None = None
    report: str | None = None
    command: str = ""
    others: tuple[tuple[str, str | None], ...] = ()

    def __bool__(self) -> bool:
        return self.trace is not None or self.report is not None

    @property
    def names(self) -> str:
        """The names, for a person."""
        return ", ".join(each for each in (self.trace, self.report) if each is not None)

    def open(self) -> KeptFile:
        """Return the files as one. What cannot be written is refused here. Raises ProgramError."""
        from services.client.report.file import ReportFile
        from services.client.trace.chrome.file import trace_file

        self._check()
        files: list[KeptFile] = []
        if self.report is not None:  # first, since a pipe of a trace stays open
            files.append(ReportFile(self.report, command=self.command))
        if self.trace is not None:
            if self.report is not None and is_one_file(self.trace, self.report):
                raise OneFile(self.trace)
            files.append(trace_file(self.trace))
        return files[0] if len(files) == 1 else Files(files)

    def _check(self) -> None:
        """Refuse names of other files of the run, which would be lost. Raises OneFile."""
        for option, name in (("--trace", self.trace), ("--report", self.report)):
            for other, taken in self.others:
                if name and taken and is_one_file(name, taken) and is_replaced(name):
                    raise OneFile(name, option, other)
