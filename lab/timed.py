"""The seconds that an action takes."""

import time
from collections.abc import Callable


def nothing() -> None:
    """Do nothing."""


def timed(action: Callable[[], object], *, before: Callable[[], object] = nothing) -> float:
    """Return the seconds that an action takes."""
    before()
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
