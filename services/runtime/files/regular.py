"""Files that a program finds by name: a FIFO, a device or a socket with such a name must not block the program.

A file that the command line names may be a pipe on purpose; it is not read by this.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

NOTHING_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


class NotRegular(OSError):
    """A FIFO, a device or a socket has the file's name."""

    def __init__(self, file: Path) -> None:
        super().__init__(errno.EINVAL, "is not a regular file", str(file))


def open_regular(file: Path, *, follow: bool = True) -> BinaryIO:
    """Open a file to read its bytes, without blocking. `follow`: whether a link is followed.

    Raises OSError; NotRegular for what is neither a file nor a directory.
    """
    no_follow = 0 if follow else os.O_NOFOLLOW
    try:
        opened = open(file, "rb", opener=lambda path, flags: open_without_blocking(path, flags | no_follow))  # noqa: SIM115
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket, or a device without a driver
            raise NotRegular(file) from error
        raise
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise NotRegular(file)
    return opened


def open_without_blocking(path: str, flags: int) -> int:
    """Open a file, as an `opener` of `open`: a FIFO that no program has open is opened, or refused, at once."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, 0o666)


def mode_of(path: Path, *, follow: bool = True) -> int | None:
    """Return the mode of what has this name, None where nothing has it. `follow`: whether a link is followed.

    Raises OSError where the system does not tell; `Path.exists` and its kind have not done so since Python 3.14.
    """
    try:
        return path.stat(follow_symlinks=follow).st_mode
    except OSError as error:
        if error.errno in NOTHING_THERE:
            return None
        raise


def read_regular(file: Path, *, most: int) -> bytes:
    """Return a file's first bytes, up to `most` + 1. Raises what `open_regular` raises."""
    with open_regular(file) as opened:
        return opened.read(most + 1)
