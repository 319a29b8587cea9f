"""The machine on which figures are measured, and which program runs on which core.

With two cores or more, servers run on the first, and the programs that load them on the second: they do not disturb
each other, and a server's figure is that of one core. taskset(1) does it, so that it can be seen in the process list.
"""

import importlib.metadata
import os
import platform
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from lab.bench.harness.engine_time import container_stands, engine_cpu_s
from lab.bench.harness.figures import QUIET, Json

LOOK_S, LONGEST_WAIT_S = 5.0, 300.0


class Core:
    """Prefixes for command lines that choose the core; empty where there is no choice. `number`: how many there are."""

    def __init__(self, *, cores: int | None = None, taskset: str | None = None) -> None:
        mine = sorted(os.sched_getaffinity(0)) if cores is None else list(range(cores))
        tool = shutil.which("taskset") if taskset is None else taskset
        self.number = len(mine)
        self.pinned = len(mine) > 1 and bool(tool)
        self.server: tuple[str, ...] = (str(tool), "-c", str(mine[0])) if self.pinned else ()
        self.load: tuple[str, ...] = (str(tool), "-c", str(mine[1])) if self.pinned else ()

    def sentence(self) -> str:
        """Return in a sentence which program ran on which core."""
        if self.pinned:
            return f"servers on core {self.server[-1]}, load on core {self.load[-1]}, all on loopback"
        return "servers and load share the cores, all on loopback: it takes two cores and taskset to part them"

    def server_sentence(self) -> str:
        """Return the same for a bench that pins the server alone."""
        where = f"on core {self.server[-1]}" if self.pinned else "on any core"
        return f"the server {where}, who fetches on any, all on loopback"


class Neighbours:
    """How much of the machine other processes used since this object was made: a busy machine changes figures.

    The time of a process that was started here counts as ours once it has ended, and been waited for. So does the time
    of a Docker engine that ran no container before: those that run meanwhile are a bench's own.
    """

    def __init__(self) -> None:
        self._engine_is_ours = not container_stands()
        self._all, self._idle = processor_s()
        self._ours = self._ours_s()

    def _ours_s(self) -> float:
        return our_cpu_s() + (engine_cpu_s() if self._engine_is_ours else 0.0)

    def share(self) -> float:
        """Return the part of all processor time that went to others."""
        all_s, idle_s = processor_s()
        ours = self._ours_s() - self._ours
        busy = (all_s - self._all) - (idle_s - self._idle)
        return max(0.0, busy - ours) / max(0.01, all_s - self._all)


def until_quiet(
    say: Callable[[str], None], *, look_s: float = LOOK_S, longest_s: float = LONGEST_WAIT_S, bound: float = QUIET
) -> bool:
    """Wait until others use little of this machine; return whether they do. After `longest_s` it waits no more."""
    last_s = time.monotonic() + longest_s
    while True:
        others = Neighbours()
        time.sleep(look_s)
        share = others.share()
        if share < bound:
            return True
        if time.monotonic() >= last_s:
            say(f"others still use {share:.0%} of this machine: its tables will be marked as not to be quoted")
            return False
        left_s = max(0.0, last_s - time.monotonic())
        say(f"waiting until others use less than {bound:.0%} of this machine: now {share:.0%}, {left_s:,.0f} s at most")


def our_cpu_s() -> float:
    """Return the processor seconds of this process and of all that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def processor_s(file: Path = Path("/proc/stat")) -> tuple[float, float]:
    """Return the seconds of all cores so far, and how many of them were idle (proc(5))."""
    try:
        figures = [int(figure) for figure in file.read_text("ascii").split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return 0.0, 0.0
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    return sum(figures) * tick_s, sum(figures[3:5]) * tick_s


def facts() -> dict[str, Json]:
    """Return the facts of this machine, and the versions that matter."""
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("uvloop", "aiohttp")},
    }


def sentence() -> str:
    """Return the facts in a line."""
    return ", ".join(f"{name} {fact}" for name, fact in facts().items())


def cpu_model(file: Path = Path("/proc/cpuinfo")) -> str:
    """Return the name of the processor."""
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def version(package: str) -> str:
    """Return an installed package's version."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"
