"""The processor time of a Docker engine on this machine: its containers, and the daemons that run them.

A bench that starts containers uses it, though none of their processes is its own child.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab.bench.harness.process_times import times_of

# The control group of all containers, in the first and the second version of control groups, where Docker itself and
# not systemd drives them (the Docker documentation, "Runtime metrics").
GROUPS = (Path("/sys/fs/cgroup/cpuacct/docker"), Path("/sys/fs/cgroup/docker"))
DAEMONS = {"dockerd", "containerd", "containerd-shim"}  # as /proc/PID/stat has them: 15 characters at most
NS, US = 1e-9, 1e-6


def container_stands(groups: tuple[Path, ...] = GROUPS) -> bool:
    """Return whether a container runs: a build leaves its group behind, with no process in it."""
    return any(_has_process(file) for group in groups for file in group.rglob("cgroup.procs"))


def _has_process(file: Path) -> bool:
    try:
        return bool(file.read_text("ascii").strip())
    except OSError:  # the group has ended
        return False


def engine_cpu_s(groups: tuple[Path, ...] = GROUPS, processes: Path = Path("/proc")) -> float:
    """Return the processor seconds so far of all containers, those that have ended too, and of the daemons."""
    return containers_cpu_s(groups) + sum(daemons_cpu_s(processes))


def containers_cpu_s(groups: tuple[Path, ...] = GROUPS) -> float:
    """Return the processor seconds so far of all containers; 0 where the kernel does not tell them."""
    for group in groups:
        try:
            if (usage := group / "cpuacct.usage").exists():
                return int(usage.read_text("ascii")) * NS
            if (stat := group / "cpu.stat").exists():
                return int(dict(line.split() for line in stat.read_text("ascii").splitlines())["usage_usec"]) * US
        except (OSError, ValueError, KeyError):
            continue
    return 0.0


def daemons_cpu_s(processes: Path = Path("/proc")) -> Iterator[float]:
    """Yield the processor seconds so far of each daemon, and of what it has waited for."""
    for stat in processes.glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            name, times = times_of(stat)
            if name in DAEMONS:
                yield sum(times)
