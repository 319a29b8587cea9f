"""Opening the output: --output is emptied or resumed, locked, and left as it was after any error.

Records of a run that was not finished are not overwritten by a run that forgot --resume: only --force does that.
"""

import contextlib
import errno
import fcntl
import os
import stat
from pathlib import Path

from services.client.survey.options import Options, what_to_do
from services.client.survey.results.formats import ALL_COLUMNS
from services.client.survey.results.resume import WrittenRecords, cut
from services.client.survey.results.rows import JsonLines, row_form
from services.client.survey.results.writer import stdout
from services.runtime.errors import ProgramError

IS_INPUT = "it is the input"
HOLDS_RECORDS = "it holds records of a run that was not finished"
UNFINISHED = ".unfinished"
TAIL_BYTES = 64 * 1024


class OutputUnusable(ProgramError):
    """The output cannot be opened, or must not be written."""

    exit_code = 3

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"cannot write to {name}: {reason}")
        self.name, self.reason = name, reason


def open_stdout(input_fd: int | None) -> int:
    """Return the descriptor of stdout. Raises OutputFailed, or OutputUnusable where records would become targets."""
    fd = stdout()
    if is_input(os.fstat(fd), input_fd):
        raise OutputUnusable("standard output", IS_INPUT)
    return fd


def is_input(status: os.stat_result, input_fd: int | None) -> bool:
    """Return whether a file is the one that the targets are read from."""
    return input_fd is not None and stat.S_ISREG(status.st_mode) and os.path.samestat(status, os.fstat(input_fd))


class OutputFile:
    """An output file, locked for this survey. Until `begin`, it is as it was, whatever goes wrong before.

    As long as a run is not finished, an empty file beside it, FILE.unfinished, says so; kill -9 leaves it there.
    """

    def __init__(self, fd: int, name: str, written: WrittenRecords | None, *, regular: bool) -> None:
        self.fd, self.name, self.written = fd, name, written
        self._mark = mark_of(name)
        self._regular = regular

    def begin(self) -> None:
        """Empty the file, or cut it to whole records."""
        if not self._regular:
            return
        with contextlib.suppress(OSError):  # where no file may be made, its end shows it: see `is_unfinished`
            os.close(os.open(self._mark, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        cut(self.fd, self.written.end if self.written else 0)

    def finish(self) -> None:
        """Note that every target has its record. Blocks."""
        mark = Path(self._mark)
        with contextlib.suppress(OSError):
            if self._regular and not mark.stat().st_size:  # else it is not ours
                mark.unlink()


def open_output(options: Options, input_fd: int | None) -> OutputFile:
    """Open --output and, where it is resumed, read the records in it. Blocks.

    Raises OutputUnusable or NotResumable.
    """
    name = options.output or ""
    try:
        access = os.O_RDWR if options.resume else os.O_WRONLY
        fd = os.open(name, os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | access, 0o666)
        os.set_blocking(fd, True)
        status = os.fstat(fd)
        regular = stat.S_ISREG(status.st_mode)
        if regular:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputUnusable(name, "another survey is writing to it") from error
    except OSError as error:
        no_reader = error.errno == errno.ENXIO
        reason = "a pipe without a reader: start its reader first" if no_reader else error.strerror or str(error)
        raise OutputUnusable(name, reason) from error
    if is_input(status, input_fd):
        raise OutputUnusable(name, IS_INPUT)
    if not options.resume:
        if regular and status.st_size and not options.force and is_unfinished(name):
            raise OutputUnusable(name, f"{HOLDS_RECORDS}: {what_to_do(options)}")
        return OutputFile(fd, name, None, regular=regular)
    if not regular:
        raise OutputUnusable(name, "only a file can be resumed")
    with open(fd, "rb", closefd=False) as file:
        return OutputFile(fd, name, WrittenRecords(file, name, row_form(options)), regular=True)


def mark_of(name: str) -> str:
    """Return the name of FILE.unfinished: beside the file itself, whichever symbolic links lead to it."""
    return os.path.realpath(name) + UNFINISHED


def is_unfinished(name: str) -> bool:
    """Return whether a file that is not empty was left by a run before its end.

    The mark beside it says so; where none could be made, records that end in a torn or a cancelled one.
    """
    with contextlib.suppress(OSError):
        os.close(os.open(mark_of(name), os.O_RDONLY | os.O_CLOEXEC))
        return True
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # it may be written and not read
        return False
    try:
        first = os.pread(fd, TAIL_BYTES, 0).partition(b"\n")[0]
        whole, _, torn = os.pread(fd, TAIL_BYTES, max(0, os.fstat(fd).st_size - TAIL_BYTES)).rpartition(b"\n")
    finally:
        os.close(fd)
    last = whole.rpartition(b"\n")[2]
    is_cancelled = b'"error": "cancelled"' in last or b",cancelled," in last
    return is_ours(first) and (bool(torn) or is_cancelled)


def is_ours(first: bytes) -> bool:
    """Return whether a file begins like records: with one in JSON, or with the names of columns."""
    if JsonLines().could_begin(first):
        return True
    names = first.decode("latin-1").split(",")
    return set(names) <= set(ALL_COLUMNS)
