"""The record of what a bench ran: each program with its exact command, how often it ran, and what it cost.

`processes` adds to the record that is open; `lab bench` opens one for each bench and shows it below the bench's tables.
Programs that differ only in numbers (ports, process ids) and in temporary names are one row: the command that is shown
is the first of them.
"""

import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from lab import ROOT
from lab.bench.harness.figures import Table

VARIES = re.compile(r"\d+|(?<=asynclab-)[a-z]+-\w+")
SHORT = re.compile(r" (?=[-\d])")  # a name may go on with options and ports
KIB_OF_MIB = 1024


@dataclass(slots=True)
class Ran:
    """A program: `command` as a shell takes it; the processor seconds of all `runs`, the most memory of any."""

    name: str
    command: str
    runs: int = 0
    cpu_s: float = 0.0
    peak_kib: int = 0


class Record:
    """The programs of one bench, in the order in which they ended first."""

    def __init__(self) -> None:
        self._ran: dict[str, Ran] = {}

    def add(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None,
        cpu_s: float,
        peak_kib: int,
    ) -> None:
        """Add a run that has ended. `environment`: what was set for it beside what this process has."""
        text = command_text(command, environment or {})
        ran = self._ran.setdefault(VARIES.sub("#", f"{name} {text}"), Ran(name, text))
        ran.runs += 1
        ran.cpu_s += cpu_s
        ran.peak_kib = max(ran.peak_kib, peak_kib)

    def table(self, bench: str) -> Table:
        """Return what the programs cost, from their start to their end, warm-up and start included."""
        rows = tuple(
            (f"{number}. {SHORT.split(ran.name)[0]}", ran.runs, ran.cpu_s / ran.runs, ran.peak_kib / KIB_OF_MIB)
            for number, ran in enumerate(self._ran.values(), 1)
        )
        return Table(f"{bench}: what ran", ("program", "runs", "processor s a run", "MiB at most"), rows)

    def commands(self) -> tuple[str, ...]:
        """Return the exact command of each program, numbered as in the table."""
        return tuple(f"{number}. $ {ran.command}" for number, ran in enumerate(self._ran.values(), 1))


def command_text(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return a command with its environment as a shell in the checkout takes it; this Python is `python`."""
    words = ["python" if word == sys.executable else from_checkout(word) for word in command]
    return " ".join([*(f"{name}={shlex.quote(value)}" for name, value in environment.items()), shlex.join(words)])


def from_checkout(word: str) -> str:
    """Return a word of a command with a path of the checkout, or an option's value that begins with one, relative."""
    return word.removeprefix(f"{ROOT}/").replace(f"={ROOT}/", "=./", 1)


OPEN: ContextVar[Record | None] = ContextVar("OPEN", default=None)


@contextmanager
def recorded() -> Iterator[Record]:
    """Yield a record to which every program is added that ends while inside."""
    record = Record()
    token = OPEN.set(record)
    try:
        yield record
    finally:
        OPEN.reset(token)


def note(
    name: str, command: Sequence[str], *, environment: Mapping[str, str] | None, cpu_s: float, peak_kib: int
) -> None:
    """Add a run to the record that is open, if one is."""
    if record := OPEN.get():
        record.add(name, command, environment=environment, cpu_s=cpu_s, peak_kib=peak_kib)
