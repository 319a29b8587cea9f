"""Files that are read because of their names: a FIFO, a device or a socket in their place must not hold the reader up.

A person may name a pipe on purpose, where a program takes a file: that is read as it is, and not by this.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

NOTHING_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


class NotRegular(OSError):
    """What has the file's name is a FIFO, a device or a socket."""

    def __init__(self, file: Path) -> None:
        super().__init__(errno.EINVAL, "is not a regular file", str(file))


def open_regular(file: Path, *, follow: bool = True) -> BinaryIO:
    """Open a file to read its bytes, and wait for nothing. `follow`: whether a link is followed.

    Raises OSError; NotRegular for what is neither a file nor a directory.
    """
    no_follow = 0 if follow else os.O_NOFOLLOW
    try:
        opened = open(file, "rb", opener=lambda path, flags: without_waiting(path, flags | no_follow))  # noqa: SIM115
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket, or a device without a driver
            raise NotRegular(file) from error
        raise
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise NotRegular(file)
    return opened


def without_waiting(path: str, flags: int) -> int:
    """Open a file, an `opener` of `open`: a FIFO that no program reads or writes is opened, or refused, at once."""
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
    """Return a file's bytes, one more than `most` at the most. Raises what `open_regular` raises."""
    with open_regular(file) as opened:
        return opened.read(most + 1)
