"""What the figures were measured on, and who gets which core.

With two cores or more, servers have the first and whoever loads them the second: they do not push each other around,
and a server's figure is that of one core. taskset(1) does it, so that it can be seen in the process list.
"""

import importlib.metadata
import os
import platform
import shutil
from pathlib import Path

from lab.bench.figures import Json


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
