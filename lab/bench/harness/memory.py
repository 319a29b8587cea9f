"""How much memory the processes of a program hold together: what each has for itself, and what they share, once.

The kernel counts a page of a file in each process that has mapped it (RssFile of /proc/PID/status, proc(5)). Three
processes of one program have one copy of its libraries, so that a sum of their sizes would count that three times.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

METHOD = "memory: what each process holds for itself at most, and the libraries that they share, once"
SIZES = re.compile(r"^(VmHWM|VmRSS|RssFile|RssShmem):\s+(\d+) kB$", re.MULTILINE)


class Held(NamedTuple):
    """The memory of one process in KiB: `own`, which no other has, at most so far and now, and `shared`."""

    own_at_most: int = 0
    own_now: int = 0
    shared: int = 0


def held_by(pid: int) -> Held:
    """Return the memory of a process; nothing after it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:
        return Held()
    sizes = {name: int(size) for name, size in SIZES.findall(status)}
    if "VmRSS" not in sizes:  # it has ended, and is not waited for yet
        return Held()
    shared = sizes.get("RssFile", 0) + sizes.get("RssShmem", 0)
    return Held(sizes.get("VmHWM", 0) - shared, sizes["VmRSS"] - shared, shared)


class Peaks:
    """The most that processes have held so far, each of them; `note` is to be called again and again."""

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}

    def note(self, pids: Iterable[int]) -> None:
        """Read the memory of these processes."""
        for pid in pids:
            self._held[pid] = Held(*map(max, zip(self._held.get(pid, Held()), held_by(pid), strict=True)))

    def kib(self) -> int:
        """Return what all of them hold together at most."""
        held = self._held.values()
        return sum(each.own_at_most for each in held) + max((each.shared for each in held), default=0)


def peak_kib(pids: Iterable[int]) -> int:
    """Return what these processes have held together at most so far."""
    peaks = Peaks()
    peaks.note(pids)
    return peaks.kib()


def now_kib(pids: Iterable[int]) -> int:
    """Return what these processes hold together now."""
    held = [held_by(pid) for pid in pids]
    return sum(each.own_now for each in held) + max((each.shared for each in held), default=0)
