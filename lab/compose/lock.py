"""Locks, so that one command at a time changes a project: an `up` and a `down` at once would disturb each other.

A lock is a file in /tmp with the project's name: the engine knows a project by its name alone, so the lock does too,
for every checkout and user. Every user may read the file, and more is not needed to lock it. The kernel releases it
when its holder ends in any way. Where /tmp takes no file, it is in the checkout's `build/`, which other checkouts do
not see. A file that is there and cannot be opened may be locked by another user: it is waited for like a locked one.
"""

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from lab import ROOT
from lab.compose.errors import LockBusy, LockClosed
from services.runtime.files.ownership import make_directory

DIRECTORIES = (Path("/tmp"), ROOT / "build")  # noqa: S108 - one directory for all users; links are refused
TIMEOUT_S = 1800.0
POLL_S = 0.1
NEEDED = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
MODE = 0o644  # with any umask
ATTEMPTS = 100
GIVE_UP = "waiting for it (^C gives up)"


class Closed(Exception):
    """A lock's file is there, and this process cannot open it."""

    def __init__(self, file: Path) -> None:
        super().__init__(str(file))
        self.file = file


@contextmanager
def held(
    name: str,
    say: Callable[[str], None],
    *,
    directories: Sequence[Path] = DIRECTORIES,
    timeout_s: float = TIMEOUT_S,
) -> Iterator[None]:
    """Hold the lock of that name while inside; wait while another process holds it, `timeout_s` seconds at most.

    `say` gets one line if there is something to wait for. Raises LockBusy or LockClosed.
    """
    file, opened = acquire(name, say, directories=directories, timeout_s=timeout_s)
    try:
        yield
    finally:
        if opened is not None:
            with suppress(OSError):  # another user's file stays, empty: only that user can remove it
                file.unlink()
            os.close(opened)


def acquire(
    name: str, say: Callable[[str], None], *, directories: Sequence[Path], timeout_s: float
) -> tuple[Path, int | None]:
    """Return the lock's file and the descriptor that holds it: None where no lock can be kept.

    Raises LockBusy or LockClosed.
    """
    deadline = time.monotonic() + timeout_s
    told = False
    while True:
        error: type[LockBusy | LockClosed] = LockBusy
        line = f"Another `lab` is at work on {name}: {GIVE_UP}"
        try:
            file, opened = open_in(directories, f"asynclab-{name}.lock")
            if opened is None:
                say("No lock can be kept here: do not start or stop the same lab twice at once")
                return file, None
            if acquired(opened, file):
                return file, opened
            os.close(opened)
        except Closed as closed:
            file, error = closed.file, LockClosed
            line = f"{file} cannot be opened, so another user may be at work on {name}: {GIVE_UP}"
        if time.monotonic() > deadline:
            raise error(name, file, waited_s=timeout_s)
        if not told:
            say(line)
            told = True
        time.sleep(POLL_S)


def open_in(directories: Sequence[Path], name: str) -> tuple[Path, int | None]:
    """Return a lock's file and its descriptor, in the first directory that takes it. Raises Closed."""
    for directory in directories:
        file = directory / name
        with suppress(OSError):
            if directory == directories[-1]:
                make_directory(directory)
            return file, open_one(file)
    return directories[-1] / name, None


def open_one(file: Path) -> int:
    """Open a lock's file, made where there is none. Raises OSError where it cannot be here, or Closed."""
    for _ in range(ATTEMPTS):  # its holder may remove it between two attempts, and another process make it
        with suppress(FileNotFoundError):
            return existing(file)
        with suppress(FileExistsError):
            return made(file)
    raise Closed(file)


def existing(file: Path) -> int:
    """Open a lock's file that is there. Raises OSError for what is no regular file, or Closed."""
    try:
        opened = os.open(file, NEEDED)
    except OSError as error:
        if is_regular(file):
            raise Closed(file) from error
        raise
    if stat.S_ISREG(os.fstat(opened).st_mode):
        return opened
    os.close(opened)
    raise FileExistsError(file)


def made(file: Path) -> int:
    """Make a lock's file, which all users may read. Raises OSError."""
    opened = os.open(file, NEEDED | os.O_CREAT | os.O_EXCL, MODE)
    try:
        os.fchmod(opened, MODE)  # the umask may have cut it
    except OSError:
        os.close(opened)
        raise
    return opened


def is_regular(file: Path) -> bool:
    """Return whether there is a regular file of that name; no link is followed."""
    try:
        return stat.S_ISREG(file.stat(follow_symlinks=False).st_mode)
    except OSError:
        return False


def acquired(opened: int, file: Path) -> bool:
    """Lock an open file; False where another process has it, or it is no longer the file of that name."""
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(opened), file.stat(follow_symlinks=False))
    except OSError:
        return False
