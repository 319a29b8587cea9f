"""What is told to a recorder besides the work itself: which program it records, and the points of hand-offs."""

from dataclasses import dataclass
from typing import NamedTuple


class Point(NamedTuple):
    """A moment of a task: one end of a hand-off."""

    task: int
    process: int
    at_s: float


@dataclass(frozen=True, slots=True)
class Program:
    """What is recorded: `name` as a page names it, as `client wget`; `program`, as `wget`; `mode` and `title`."""

    name: str = ""
    program: str = ""
    mode: str = ""
    title: str = ""
