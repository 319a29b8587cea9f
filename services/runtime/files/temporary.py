"""Temporary directories that are removed after their process, also after one that was killed.

The process that makes a directory locks it (flock), and the kernel unlocks it when the process ends. The next process
that makes a directory with the same prefix first removes the unlocked ones of the same user.
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
    """No temporary file or directory can be made."""

    exit_code = 3

    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot make a temporary directory ({reason}): name one that can be written in TMPDIR")
        self.reason = reason


@contextmanager
def temporary_directory(prefix: str) -> Iterator[Path]:
    """Make a directory, and remove it on the way out. Blocks: a coroutine uses `async_temporary_directory`.

    Raises NoTemporaryDirectory where none can be made.
    """
    try:
        parent = Path(tempfile.gettempdir())
        remove_abandoned(parent, prefix)
        made, lock = make_locked(parent, prefix)
    except OSError as error:
        raise NoTemporaryDirectory(reason_of(error)) from error
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


@asynccontextmanager
async def async_temporary_directory(prefix: str) -> AsyncIterator[Path]:
    """Make a `temporary_directory`; the calls that block run in threads."""
    directory = temporary_directory(prefix)
    making = asyncio.ensure_future(asyncio.to_thread(directory.__enter__))
    try:
        yield await asyncio.shield(making)
    finally:
        if not making.done():  # cancelled meanwhile: the thread goes on, and its directory has to go
            await asyncio.wait({making})
        if making.exception() is None:
            await asyncio.to_thread(directory.__exit__, None, None, None)


def reason_of(error: OSError) -> str:
    """Return the system's reason; the tempfile module's own error has none, and its text is a list of directories."""
    return error.strerror or "no directory for temporary files can be written"


def make_locked(parent: Path, prefix: str) -> tuple[Path, int]:
    """Return a new directory and the descriptor that locks it."""
    for _ in range(TRIES):
        made = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        lock = lock_directory(made)
        if lock is not None:
            return made, lock
    raise FileNotFoundError(f"{prefix}* was removed {TRIES} times while it was made")


def remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove the directories with this prefix that this user made and no process has locked."""
    for left in parent.glob(f"{prefix}*"):
        lock = lock_directory(left)
        if lock is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)


def lock_directory(directory: Path) -> int | None:
    """Return a descriptor that locks a directory; None where another process does, or it is another user's."""
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
    """Return whether a path still names the directory that was opened, and this user owns it."""
    there = directory.lstat()
    return stat.S_ISDIR(there.st_mode) and os.path.samestat(there, opened) and there.st_uid == os.geteuid()


@contextmanager
def temporary_file() -> Iterator[IO[bytes]]:
    """Make a file without a name, and close it on the way out. Raises NoTemporaryDirectory where none can be made."""
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed below, outside what is translated
    except OSError as error:
        raise NoTemporaryDirectory(reason_of(error)) from error
    with file:
        yield file
