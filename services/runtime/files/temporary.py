"""Temporary directories that end with their process, even with one that was killed.

A directory is locked (flock) by the process that made it, for as long as that process lives: the kernel lets go of the
lock whatever ends it. The next process that makes a directory with the same prefix first removes those of the same
user that no process holds.
"""

import asyncio
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import IO

from services.runtime.errors import ProgramError

TRIES = 10


class NoTemporaryDirectory(ProgramError):
    """There is no place for temporary files, or it takes none."""

    exit_code = 3

    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot make a temporary directory ({reason}): name one that can be written in TMPDIR")
        self.reason = reason


@contextmanager
def temporary_directory(prefix: str) -> Iterator[Path]:
    """Have a directory of this process's own while inside. Blocks: a coroutine uses `temporary_directory_aside`.

    Raises NoTemporaryDirectory where none can be made.
    """
    try:
        place = Path(tempfile.gettempdir())
        sweep(place, prefix)
        made, lock = make(place, prefix)
    except OSError as error:
        raise NoTemporaryDirectory(reason_of(error)) from error
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


@asynccontextmanager
async def temporary_directory_aside(prefix: str) -> AsyncIterator[Path]:
    """Have a `temporary_directory` while inside; the file system is asked in threads."""
    directory = temporary_directory(prefix)
    made = await asyncio.to_thread(directory.__enter__)
    try:
        yield made
    finally:
        await asyncio.to_thread(directory.__exit__, None, None, None)


def reason_of(error: OSError) -> str:
    """Return the system's words; the tempfile module gives its own as the whole error, with a list of directories."""
    return error.strerror or "no directory for temporary files can be written"


def make(place: Path, prefix: str) -> tuple[Path, int]:
    """Return a new directory and the descriptor that holds its lock."""
    for _ in range(TRIES):
        made = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
        lock = locked(made)
        if lock is not None:
            return made, lock
    raise FileNotFoundError(f"{prefix}* was removed {TRIES} times while it was made")


def sweep(place: Path, prefix: str) -> None:
    """Remove the directories with this prefix that this user made and that no process holds."""
    for left in place.glob(f"{prefix}*"):
        lock = locked(left)
        if lock is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)


def locked(directory: Path) -> int | None:
    """Return a descriptor that locks a directory; None where another process does, or it is no directory of ours."""
    try:
        opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    with suppress(OSError):
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_own(directory, os.fstat(opened)):
            return opened
    os.close(opened)
    return None


def is_own(directory: Path, opened: os.stat_result) -> bool:
    """Return whether a path still leads to what was opened, a directory that this user made."""
    there = directory.lstat()
    return stat.S_ISDIR(there.st_mode) and os.path.samestat(there, opened) and there.st_uid == os.geteuid()


@contextmanager
def temporary_file() -> Iterator[IO[bytes]]:
    """Have a file without a name while inside. Raises NoTemporaryDirectory where none can be made."""
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed below, outside what is translated
    except OSError as error:
        raise NoTemporaryDirectory(reason_of(error)) from error
    with file:
        yield file
