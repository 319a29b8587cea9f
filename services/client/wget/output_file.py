"""Opening the output: --output is emptied or resumed, locked, and left as it was after any error."""

import errno
import fcntl
import os
import stat

from services.client.wget.choices import Options
from services.client.wget.output import stdout
from services.client.wget.resume import Done, cut, read_done
from services.runtime.errors import ProgramError

IS_INPUT = "it is the input"


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


def open_output(options: Options, input_fd: int | None) -> tuple[int, Done | None]:
    """Open --output, ready to be written to, and return its descriptor and what is done already.

    A file is emptied, or cut to whole records, last of all: after an error it is as it was.
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
        nobody_reads = error.errno == errno.ENXIO
        reason = "a pipe that nobody reads: start its reader first" if nobody_reads else error.strerror or str(error)
        raise OutputUnusable(name, reason) from error
    if is_input(status, input_fd):
        raise OutputUnusable(name, IS_INPUT)
    if not options.resume:
        if regular:
            os.ftruncate(fd, 0)
        return fd, None
    if not regular:
        raise OutputUnusable(name, "only a file can be resumed")
    with open(fd, "rb", closefd=False) as file:
        done = read_done(file, name)
    cut(fd, done)
    return fd, done
