"""The one place where the control room runs other programs.

A program's end is a value, never an exception: missing programs and passed deadlines get the exit codes that
a shell and timeout(1) give them. Everything that calls programs takes a `Runner`, so that tests can pass one
that answers with recorded output.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

TIMED_OUT = 124
NOT_FOUND = 127


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended: its exit code, and what it wrote on each stream."""

    code: int
    out: str = ""
    err: str = ""

    @property
    def ok(self) -> bool:
        """Whether the program says that it succeeded."""
        return self.code == 0

    def tail(self, lines: int = 15) -> tuple[str, ...]:
        """The last lines it wrote, for a person who has to find out what went wrong."""
        return tuple([*self.out.splitlines(), *self.err.splitlines()][-lines:])


class Runner(Protocol):
    """Runs one program to its end."""

    def __call__(self, command: Sequence[str], *, timeout_s: float, cwd: Path | None = None) -> Outcome:
        """Run `command` and return how it ended."""


def run(command: Sequence[str], *, timeout_s: float, cwd: Path | None = None) -> Outcome:
    """Run `command` without a shell or a terminal; kill it after `timeout_s` seconds."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(TIMED_OUT, err=f"{command[0]}: no answer in {timeout_s:g} s")
    except OSError as error:
        return Outcome(NOT_FOUND, err=f"{command[0]}: {error.strerror}")
    return Outcome(done.returncode, done.stdout, done.stderr)
