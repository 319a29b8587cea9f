"""How long processes have used the processor, as the kernel tells it of each (proc(5))."""

import os
from pathlib import Path


def cpu_s(pid: int) -> float:
    """Return the processor seconds of one process; 0 after it has gone."""
    try:
        return sum(times_of(Path(f"/proc/{pid}/stat"))[1][:2])
    except OSError:
        return 0.0


def times_of(stat: Path) -> tuple[str, list[float]]:
    """Return a process's name and its processor seconds: own, in the kernel, and both of what it has waited for.

    `stat`: its file of that name. Raises OSError after it has gone.
    """
    name, _, figures = stat.read_text("utf-8", "replace").partition("(")[2].rpartition(")")
    return name, [int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in figures.split()[11:15]]
