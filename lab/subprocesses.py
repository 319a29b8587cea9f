"""Running other programs, each with a deadline, and returning how they ended.

A program's end is a value, never an exception: a missing program and a passed deadline have the exit codes of a shell
and of timeout(1). Functions that run programs take a `Runner`, so that a test can pass one with recorded answers.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

TIMED_OUT = 124
STOPPED = 125
END_S = 10.0
POLL_S = 0.25
NOT_FOUND = 127


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended: its exit code, and what it wrote on each stream."""

    code: int
    out: str = ""
    err: str = ""

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.code == 0

    def tail(self, lines: int = 15) -> tuple[str, ...]:
        """Return its last lines, as evidence for a person."""
        return tuple([*self.out.splitlines(), *self.err.splitlines()][-lines:])


class Runner(Protocol):
    """Runs one program to its end."""

    def __call__(self, command: Sequence[str], *, timeout_s: float, cwd: Path | None = None) -> Outcome:
        """Run `command` and return how it ended."""


def run(
    command: Sequence[str], *, timeout_s: float, cwd: Path | None = None, environ: Mapping[str, str] | None = None
) -> Outcome:
    """Run `command` without a shell or a terminal; after `timeout_s` seconds end it, and what it started.

    `environ`: its whole environment, if it is not this process's.
    """
    return run_while(command, lambda: True, timeout_s=timeout_s, poll_s=timeout_s, cwd=cwd, environ=environ)


def run_while(
    command: Sequence[str],
    wanted: Callable[[], bool],
    *,
    timeout_s: float,
    poll_s: float = POLL_S,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Outcome:
    """Run `command` as `run` does, but end it as soon as `wanted`, asked every `poll_s` seconds, is false."""
    deadline = time.monotonic() + timeout_s
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Docker's client starts other programs: they are ended with it
        )
    except OSError as error:
        return Outcome(NOT_FOUND, err=f"{command[0]}: {error.strerror}")
    with process:
        try:
            while (left_s := deadline - time.monotonic()) > 0:
                with suppress(subprocess.TimeoutExpired):
                    out, err = process.communicate(timeout=min(poll_s, left_s))
                    return Outcome(process.returncode, out, err)
                if not wanted():
                    return Outcome(STOPPED, err=f"{command[0]}: stopped")
            return Outcome(TIMED_OUT, err=f"{command[0]}: no answer in {timeout_s:g} s")
        finally:
            if process.poll() is None:
                end(process)


def end(process: "subprocess.Popen[str]") -> None:
    """End a process and those that it started, by SIGTERM, and by SIGKILL if that is not enough."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
            break
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # processes that it started and did not end
