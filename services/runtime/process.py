"""What this process may use, and what it uses: open files, processor cores, memory.

A process that allocates more than the limit of its control group is killed by the kernel, without a word to its peers.
What has to be known beforehand is in files: cgroups(7); `memory.max` of version 2, `memory.limit_in_bytes` of version
1. A group's limit holds for those below it, so that the least of a group and its ancestors counts.

What a process holds in memory is read as the kernel counts it (status of proc(5)). `ru_maxrss` will not do on Linux: it
begins with what the parent held when it started the program.
"""

import contextlib
import os
import re
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# Where the hard limit is none, as on macOS, the kernel still has one of its own, and does not say which.
TRIED_FILES = (1_048_576, 262_144, 65_536, 24_576, 10_240)


def raise_open_files() -> int:
    """Raise the soft limit of open files as far as can be, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        for files in TRIED_FILES:
            if soft != resource.RLIM_INFINITY and files <= soft:
                break
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
                return files
        return TRIED_FILES[0] if soft == resource.RLIM_INFINITY else soft
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def usable_cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # where it is not, as on macOS, no process is bound to some of them
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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


MIB = 1024 * 1024
LEAST_SHARE_BYTES = 512 * MIB  # as a container of the lab has
OF_A_MACHINE = 4  # where a machine is shared with others, one part in so many is a process's own

TOTAL = re.compile(r"^MemTotal:\s+(\d+) kB", re.MULTILINE)
GROUP = re.compile(r"^\d+:([^:\n]*):(/[^\n]*)$", re.MULTILINE)


class Places(NamedTuple):
    """Where the kernel tells it: a test has places of its own."""

    own_groups: Path = Path("/proc/self/cgroup")
    groups: Path = Path("/sys/fs/cgroup")
    machine: Path = Path("/proc/meminfo")


def memory_for_this_process(places: Places = Places()) -> int:  # noqa: B008 - a constant
    """Return how many bytes a process may plan with.

    That is its group's limit, where there is one: then the group is made for it, as a container is. A machine without
    such a limit is shared, and a process may have a part of it.
    """
    machine, group = machine_bytes(places), group_limit_bytes(places)
    if group is not None and group < machine:
        return group
    return max(machine // OF_A_MACHINE, min(machine, LEAST_SHARE_BYTES))


def machine_bytes(places: Places = Places()) -> int:  # noqa: B008
    """Return the machine's memory in bytes."""
    found = TOTAL.search(read(places.machine))
    return int(found[1]) * 1024 if found else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def group_limit_bytes(places: Places = Places()) -> int | None:  # noqa: B008
    """Return the least limit of this process's control groups in bytes; None where there is none.

    "No limit" is the word `max` in version 2, and in version 1 a number that no machine has memory for.
    """
    limits = [int(text) for file in limit_files(places) if (text := read(file).strip()).isdecimal()]
    return min(limits, default=None)


def limit_files(places: Places) -> Iterator[Path]:
    """Give the files that may hold a limit, of each group that the process is in, and of each above it.

    In a container, the path that the process is told may begin where the host's tree does, while what is mounted
    begins with the container's own group: then the files of the path are not there, and the mount's own are.
    """
    for found in GROUP.finditer(read(places.own_groups)):
        if not found[1]:
            root, name = places.groups, "memory.max"
        elif "memory" in found[1].split(","):
            root, name = places.groups / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = root / found[2].lstrip("/")
        yield group / name
        for above in group.parents:
            if not above.is_relative_to(root):
                break
            yield above / name


def read(file: Path) -> str:
    """Return what a file of the kernel's says; nothing where there is none."""
    try:
        return file.read_text("ascii", "replace")
    except OSError:
        return ""


MEMORY_BYTES = memory_for_this_process()
"""What this process may plan with, as it began: files are not to be read while an event loop runs."""
