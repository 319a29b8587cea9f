"""One change at a time: two `lab up` of one project, or an `up` and a `down`, would each undo what the other does.

A lock is a file in /tmp, by the project's name: the engine tells projects apart by their names alone, so the lock does
too, whichever checkout or user the project is started from. The kernel lets go of it when its holder ends, however that
is. Where /tmp takes no file, the checkout's `build/` keeps it, which other checkouts do not see.
"""

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from lab.errors import LockBusy
from services.runtime.ownership import make_directory

PLACES = (Path("/tmp"), Path(__file__).parent.parent / "build")  # noqa: S108 - one place for all users; links are refused
TIMEOUT_S = 1800.0
POLL_S = 0.1
NEEDED = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def held(
    name: str,
    say: Callable[[str], None],
    *,
    places: Sequence[Path] = PLACES,
    timeout_s: float = TIMEOUT_S,
) -> Iterator[None]:
    """Hold the lock of that name while inside; wait while another process holds it, `timeout_s` seconds at most.

    `say` gets one line if there is something to wait for. Raises LockBusy.
    """
    file, opened = acquire(name, say, places=places, timeout_s=timeout_s)
    try:
        yield
    finally:
        if opened is not None:
            with suppress(OSError):  # another user's file, which only that user can remove: it stays, empty
                file.unlink()
            os.close(opened)


def acquire(
    name: str, say: Callable[[str], None], *, places: Sequence[Path], timeout_s: float
) -> tuple[Path, int | None]:
    """Return the lock's file and the descriptor that holds it: None where no lock can be kept. Raises LockBusy."""
    deadline = time.monotonic() + timeout_s
    told = False
    while True:
        file, opened = open_in(places, f"asynclab-{name}.lock")
        if opened is None:
            say("No lock can be kept here: do not start or stop the same lab twice at once")
            return file, None
        if acquired(opened, file):
            return file, opened
        os.close(opened)
        if time.monotonic() > deadline:
            raise LockBusy(name, file, waited_s=timeout_s)
        if not told:
            say(f"Another `lab` is at work on {name}: waiting for it (^C gives up)")
            told = True
        time.sleep(POLL_S)


def open_in(places: Sequence[Path], name: str) -> tuple[Path, int | None]:
    """Return where a lock's file is and its descriptor: in the first place that takes it."""
    for place in places:
        file = place / name
        for flags in (NEEDED, NEEDED | os.O_CREAT | os.O_EXCL, NEEDED):  # the last: it was made a moment ago
            with suppress(OSError):
                if place == places[-1]:
                    make_directory(place)
                opened = os.open(file, flags, 0o644)
                if stat.S_ISREG(os.fstat(opened).st_mode):
                    return file, opened
                os.close(opened)
    return places[-1] / name, None


def acquired(opened: int, file: Path) -> bool:
    """Lock an open file; False where another process has it, or it is no longer the file of that name."""
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(opened), file.stat(follow_symlinks=False))
    except OSError:
        return False
