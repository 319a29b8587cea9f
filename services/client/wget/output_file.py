"""Opening --output: emptied or resumed, locked, and left as it was after any error."""

import errno
import fcntl
import os
import stat

from services.client.wget.choices import Options
from services.client.wget.resume import Done, cut, read_done
from services.runtime.errors import ProgramError


class OutputUnusable(ProgramError):
    """The output cannot be opened, or must not be written."""

    exit_code = 3

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"cannot write to {name}: {reason}")
        self.name, self.reason = name, reason


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
    if input_fd is not None and regular and os.path.samestat(status, os.fstat(input_fd)):
        raise OutputUnusable(name, "it is the input")
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
