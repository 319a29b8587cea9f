"""What a process holds in memory, as the kernel counts it (status of proc(5)).

`ru_maxrss` will not do on Linux: it begins with what the parent held when it started the program.
"""

import re
import resource
import sys
from pathlib import Path

RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB", re.MULTILINE)
HIGH_WATER = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
RUSAGE_BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss: getrusage(2) of macOS, and of others
OURS = "self"


def memory_kib(pid: int | str = OURS, figure: re.Pattern[str] = RESIDENT) -> int:
    """Return a figure of a process's memory in KiB, 0 once it has none.

    Where there is no /proc, only the high-water mark of this process is known.
    """
    try:
        found = figure.search(Path(f"/proc/{pid}/status").read_text("ascii", "replace"))
    except OSError:
        if pid == OURS and figure is HIGH_WATER:
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RUSAGE_BYTES // 1024
        return 0
    return int(found[1]) if found else 0
