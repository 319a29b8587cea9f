"""What is told to a recorder besides the work itself: which program it records, and the points of hand-offs."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.client.trace.model import Clock, Process


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


NO_NAME = Program()


def process_of(program: Program, number: int, *, clock: Clock, begun: datetime) -> Process:
    """Return the process of a recording that begins, of which nothing is known yet but its program."""
    return Process(
        id=number,
        name=program.name,
        program=program.program,
        loop="",
        mode=program.mode,
        title=program.title,
        begun=begun,
        began_s=0.0,
        total_s=0.0,
        clock=clock,
    )
