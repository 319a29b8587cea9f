"""Opening the input: a file, a pipe or standard input, which is refused at once if it cannot be read."""

import os
import select
import stat

from services.runtime.errors import InputUnreadable


def wait_for_writer(fd: int) -> None:
    """Wait until something can be read: a named pipe without a writer yet would seem to have ended."""
    waiting = select.poll()
    waiting.register(fd, select.POLLIN)
    waiting.poll()


def file_bytes(fd: int) -> int:
    """Return the size of a regular file, and 0 for what is none."""
    status = os.fstat(fd)
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def open_input(name: str) -> int:
    """Return the file descriptor of an input that can be read, `-` for stdin. Raises InputUnreadable.

    A named pipe that has no writer yet is opened at once; its reader waits.
    """
    try:
        fd = 0 if name == "-" else open_file(name)
        try_to_read(fd)
    except OSError as error:
        raise InputUnreadable(input_name(name), error.strerror or str(error)) from error
    return fd


def open_file(name: str) -> int:
    """Return the file descriptor of a file, or of a pipe whose writer may come later. Raises OSError."""
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    os.set_blocking(fd, True)
    return fd


def try_to_read(fd: int) -> None:
    """Raise OSError for what opens but cannot be read: a directory, a stdin that is closed, a file on a bad disk."""
    if stat.S_ISREG(os.fstat(fd).st_mode):
        os.pread(fd, 1, 0)
    else:
        os.read(fd, 0)  # takes nothing, and does not wait


def input_name(name: str) -> str:
    return "standard input" if name == "-" else name
