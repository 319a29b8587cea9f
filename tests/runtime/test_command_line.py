"""What every program prints, wherever it is printed to."""

import os
import subprocess
import sys

import pytest

from services.runtime.command_line import main_of
from services.runtime.errors import ProgramError

SHOWS = """
from services.runtime.command_line import main_of, show
main_of(lambda: show("caf\\xe9 \\u2713 \\udcff") or 0, name="x")
"""


def test_what_an_encoding_lacks_is_escaped() -> None:
    """A head of Latin-1, or a tick in a table, must not end a program where stdout is ASCII."""
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", SHOWS], env=environment, capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"caf\\xe9 \\u2713 \\udcff\n", b"")


def test_an_errors_text_is_one_line_that_drives_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """It may quote what came from elsewhere."""

    def program() -> int:
        raise ProgramError("a\nb\x1b[2J\u202e")

    assert main_of(program, name="x") == ProgramError.exit_code
    assert capsys.readouterr().err == "x: a\\x0ab\\x1b[2J\\u202e\n"
