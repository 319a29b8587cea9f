"""Running other programs: every outcome is a value with an exit code."""

import fcntl
import sys
from pathlib import Path

import pytest

from lab import subprocesses
from lab.subprocesses import Outcome

WRITES = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
HANGS = "import signal; signal.pause()"


def test_keeps_exit_code_and_streams_apart() -> None:
    """The two streams stay apart."""
    assert subprocesses.run((sys.executable, "-c", WRITES), timeout_s=30) == Outcome(3, "out\n", "err\n")


def test_a_missing_program_ends_as_in_a_shell() -> None:
    """Exit code 127, and a line that names it."""
    outcome = subprocesses.run(("no-such-program",), timeout_s=30)
    assert outcome.code == subprocesses.NOT_FOUND
    assert "no-such-program" in outcome.err


def test_a_program_that_does_not_end_is_ended() -> None:
    """Exit code 124, as timeout(1) gives it."""
    outcome = subprocesses.run((sys.executable, "-c", HANGS), timeout_s=0.2)
    assert outcome.code == subprocesses.TIMED_OUT


def test_what_a_program_started_is_ended_with_it(tmp_path: Path) -> None:
    """Docker's client starts other programs, which would go on: they end too, and their locks are free again."""
    held = tmp_path / "held"
    child = f"import fcntl; f = open({str(held)!r}, 'w'); fcntl.flock(f, 2); f.write('x'); f.flush(); {HANGS}"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    outcome = subprocesses.run_while(
        (sys.executable, "-c", parent),
        lambda: not (held.exists() and held.read_text()),
        timeout_s=30,
        poll_s=0.02,
    )
    assert outcome.code == subprocesses.STOPPED
    with held.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def test_bytes_that_are_not_text_do_not_break_it() -> None:
    """Programs may write any bytes."""
    code = r"import os; os.write(1, b'\xff\n')"
    assert subprocesses.run((sys.executable, "-c", code), timeout_s=30).out == "�\n"


@pytest.mark.parametrize(("lines", "expected"), [(2, ("b", "c")), (9, ("a", "b", "c"))])
def test_shows_the_last_lines(lines: int, expected: tuple[str, ...]) -> None:
    """Of both streams, whichever has the reason."""
    assert Outcome(1, "a\nb\n", "c\n").tail(lines) == expected
