"""The clock of a trace, and the number of a process.

`time.perf_counter` is CLOCK_MONOTONIC on Linux, which counts from the machine's start and is one clock for all its
containers. Traces of several processes are merged by it where they have the same `boot`, and by the time of day else.
"""

import itertools
import os
import socket
import time
import zlib
from contextlib import suppress
from pathlib import Path

from services.client.trace.model import Clock

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
READINGS = 3
MOST = 2**31 - 1

_numbers = itertools.count()  # of processes that were recorded here


def read_clock() -> Clock:
    """Read both clocks, the time of day between two readings of the other; the narrowest of a few pairs counts."""
    readings = [_reading() for _ in range(READINGS)]
    before_s, unix_s, after_s = min(readings, key=lambda each: each[2] - each[0])
    return Clock(BOOT, (before_s + after_s) / 2, unix_s, after_s - before_s)


def _reading() -> tuple[float, float, float]:
    return time.perf_counter(), time.time(), time.perf_counter()


def boot_id() -> str:
    """Return the id of the machine's start; empty where the system has none."""
    with suppress(OSError):
        return BOOT_ID.read_text("ascii").strip()
    return ""


BOOT = boot_id()  # read when this is imported: a loop must not wait for a file


def process_number() -> int:
    """Return a 31-bit number for a process of a trace: drawn from host, process id, and how many there were before."""
    return zlib.crc32(f"{socket.gethostname()}:{os.getpid()}:{next(_numbers)}".encode()) % MOST + 1
