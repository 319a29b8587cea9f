"""What this machine lets a program have: open files, which many connections need first of all, and processor cores."""

import contextlib
import os
import resource

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
