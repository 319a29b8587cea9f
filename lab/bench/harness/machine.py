"""What the figures were measured on, and who gets which core.

With two cores or more, servers have the first and whoever loads them the second: they do not push each other around,
and a server's figure is that of one core. taskset(1) does it, so that it can be seen in the process list.
"""

import importlib.metadata
import os
import platform
import resource
import shutil
from pathlib import Path

from lab.bench.harness.figures import Json

QUIET = 0.1
"""Others may use this part of the machine before it has to be said."""


class Core:
    """Which core somebody runs on: prefixes for a command line, empty where there is no choice."""

    def __init__(self, *, cores: int | None = None, taskset: str | None = None) -> None:
        mine = sorted(os.sched_getaffinity(0)) if cores is None else list(range(cores))
        tool = shutil.which("taskset") if taskset is None else taskset
        self.pinned = len(mine) > 1 and bool(tool)
        self.server: tuple[str, ...] = (str(tool), "-c", str(mine[0])) if self.pinned else ()
        self.load: tuple[str, ...] = (str(tool), "-c", str(mine[1])) if self.pinned else ()

    def sentence(self) -> str:
        """Return what a reader of the figures has to know of it."""
        if self.pinned:
            return f"servers on core {self.server[-1]}, load on core {self.load[-1]}, all on loopback"
        return "servers and load share the cores, all on loopback: it takes two cores and taskset to part them"

    def server_sentence(self) -> str:
        """Return the same for a bench that pins the server alone."""
        where = f"on core {self.server[-1]}" if self.pinned else "on any core"
        return f"the server {where}, who fetches on any, all on loopback"


class Neighbours:
    """How much of the machine others used since this was made: what a busy machine does to figures.

    The time of processes that were started here counts as ours once they have ended, and been waited for.
    """

    def __init__(self) -> None:
        self._all, self._idle = processor_s()
        self._ours = our_cpu_s()

    def share(self) -> float:
        """Return the part of all processor time that went to others."""
        all_s, idle_s = processor_s()
        ours = our_cpu_s() - self._ours
        busy = (all_s - self._all) - (idle_s - self._idle)
        return max(0.0, busy - ours) / max(0.01, all_s - self._all)

    def note(self) -> str:
        """Return what a reader has to know of them, nothing if they kept quiet."""
        share = self.share()
        if share < QUIET:
            return ""
        return f"others used {share:.0%} of this machine meanwhile: rates are low and apart; processor figures hold"


def our_cpu_s() -> float:
    """Return the processor seconds of this process and of all that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def processor_s(file: Path = Path("/proc/stat")) -> tuple[float, float]:
    """Return the seconds that all cores have had so far, and those that they were idle (proc(5))."""
    try:
        figures = [int(figure) for figure in file.read_text("ascii").split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return 0.0, 0.0
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    return sum(figures) * tick_s, sum(figures[3:5]) * tick_s


def facts() -> dict[str, Json]:
    """Return what is known of this machine, and the versions that matter."""
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
    """Return what the processor calls itself."""
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
