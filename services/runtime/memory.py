"""What a process holds in memory, as the kernel counts it (status of proc(5)).

`ru_maxrss` will not do: it begins with what the parent held when it started the program.
"""

import re
from pathlib import Path

RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB", re.MULTILINE)
HIGH_WATER = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


def memory_kib(pid: int | str = "self", figure: re.Pattern[str] = RESIDENT) -> int:
    """Return a figure of a process's memory in KiB, 0 once it has none."""
    try:
        found = figure.search(Path(f"/proc/{pid}/status").read_text("ascii", "replace"))
    except OSError:
        return 0
    return int(found[1]) if found else 0
