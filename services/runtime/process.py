"""The limits of this process and its use of them: open files, processor cores, memory; and starting one like itself.

The kernel kills a process that allocates more than the limit of its control group, and its peers get no answer. So the
limit has to be known beforehand. It is in files: cgroups(7); `memory.max` of version 2, `memory.limit_in_bytes` of
version 1. A group's limit also holds for the groups below it: the least limit of a group and its ancestors counts.

What a process holds in memory is read as the kernel counts it (status of proc(5)). `ru_maxrss` will not do on Linux: it
begins with what the parent held when it started the program.
"""

import contextlib
import os
import re
import resource
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

# Where there is no hard limit, as on macOS, the kernel still has its own limit, which it tells no program.
TRIED_FILES = (1_048_576, 262_144, 65_536, 24_576, 10_240)

MIB = 1024 * 1024
MIN_SHARE_BYTES = 512 * MIB  # as a container of the lab has
MACHINE_SHARE = 4  # of a machine without a limit, a process takes one part in so many

RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB", re.MULTILINE)
HIGH_WATER = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
MACHINE_MEMORY = re.compile(r"^MemTotal:\s+(\d+) kB", re.MULTILINE)
GROUP = re.compile(r"^\d+:([^:\n]*):(/[^\n]*)$", re.MULTILINE)
RUSAGE_BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss: getrusage(2) of macOS, and of others
THIS_PROCESS = "self"
OPEN_FILES = "/dev/fd"  # on Linux and macOS
# PR_SET_PDEATHSIG of prctl(2) is 1. The parent may have ended before it was set.
WITH_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


def module_command(module: str) -> tuple[str, ...]:
    """Return the command that runs a module of the services in another process; `module_environment` belongs to it."""
    return (sys.executable, "-P", "-m", module)


def tied_to_parent(command: Sequence[str]) -> list[str]:
    """Return a command which the kernel of Linux kills where this process is killed; elsewhere, it is as it was."""
    if not sys.platform.startswith("linux"):
        return list(command)
    return [sys.executable, "-I", "-S", "-c", WITH_PARENT, str(os.getpid()), *command]


def module_environment() -> dict[str, str]:
    """Return what the environment of such a process has besides: where the services are.

    The working directory, or the environment, may have another program's package `services`.
    """
    ahead = str(Path(__file__).parents[2])
    return {"PYTHONPATH": os.pathsep.join(filter(None, (ahead, os.environ.get("PYTHONPATH"))))}


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


def open_files() -> int:
    """Return how many files this process has open; 0 where the system does not tell. It blocks."""
    try:
        return sum(1 for _file in Path(OPEN_FILES).iterdir())
    except OSError:
        return 0


def usable_cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # where it is not, as on macOS, no process is bound to some of them
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_kib(pid: int | str = THIS_PROCESS, figure: re.Pattern[str] = RESIDENT) -> int:
    """Return a figure of a process's memory in KiB; 0 after the process has ended.

    Where there is no /proc, only the high-water mark of this process is known, and other figures are 0.
    """
    try:
        found = figure.search(Path(f"/proc/{pid}/status").read_text("ascii", "replace"))
    except OSError:
        if pid == THIS_PROCESS and figure is HIGH_WATER:
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RUSAGE_BYTES // 1024
        return 0
    return int(found[1]) if found else 0


class MemoryFiles(NamedTuple):
    """Files with the kernel's figures: this process's groups, the directory of all groups, the machine's memory."""

    own_groups: Path = Path("/proc/self/cgroup")
    groups: Path = Path("/sys/fs/cgroup")
    machine: Path = Path("/proc/meminfo")


def usable_memory_bytes(files: MemoryFiles = MemoryFiles()) -> int:  # noqa: B008 - a constant
    """Return how many bytes this process may plan to use.

    That is the limit of its control group, as in a container. Where there is none, the machine is shared with other
    programs, and this is a part of its memory.
    """
    machine, group = machine_bytes(files), group_limit_bytes(files)
    if group is not None and group < machine:
        return group
    return max(machine // MACHINE_SHARE, min(machine, MIN_SHARE_BYTES))


def machine_bytes(files: MemoryFiles = MemoryFiles()) -> int:  # noqa: B008
    """Return the machine's memory in bytes."""
    found = MACHINE_MEMORY.search(read_kernel_file(files.machine))
    return int(found[1]) * 1024 if found else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def group_limit_bytes(files: MemoryFiles = MemoryFiles()) -> int | None:  # noqa: B008
    """Return the least limit of this process's control groups in bytes; None where there is none.

    "No limit" is the word `max` in version 2, and in version 1 a number that no machine has memory for.
    """
    limits = [int(text) for file in limit_files(files) if (text := read_kernel_file(file).strip()).isdecimal()]
    return min(limits, default=None)


def limit_files(files: MemoryFiles) -> Iterator[Path]:
    """Yield the files that may hold a limit, of each group that the process is in, and of each group above it.

    In a container, the path of its group may begin at the host's root, while the mounted tree begins at the container's
    group: then the files of the path do not exist, and the files at the top of the mounted tree do.
    """
    for found in GROUP.finditer(read_kernel_file(files.own_groups)):
        if not found[1]:
            root, name = files.groups, "memory.max"
        elif "memory" in found[1].split(","):
            root, name = files.groups / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = root / found[2].lstrip("/")
        yield group / name
        for above in group.parents:
            if not above.is_relative_to(root):
                break
            yield above / name


def read_kernel_file(file: Path) -> str:
    """Return the text of a file; an empty one where there is no file."""
    try:
        return file.read_text("ascii", "replace")
    except OSError:
        return ""


MEMORY_BYTES = usable_memory_bytes()
"""The memory that this process may plan to use, read once at the import: reading files would block an event loop."""
