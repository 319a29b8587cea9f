"""What every program prints, wherever it is printed to."""

import os
import subprocess
import sys

import pytest

SHOWS = """
from services.runtime.command_line import main_of, show
main_of(lambda: show("caf\\xe9 \\u2713 \\udcff") or 0, name="x")
"""


SHOWS_WITHOUT_MAIN = """
from services.runtime.command_line import show
show("caf\\xe9 \\u2713 \\udcff")
"""
ASCII = (b"caf\\xe9 \\u2713 \\udcff\n", b"")
LATIN_1 = (b"caf\xe9 \\u2713 \\udcff\n", b"")


@pytest.mark.parametrize("program", [SHOWS, SHOWS_WITHOUT_MAIN], ids=["in a program", "by itself"])
@pytest.mark.parametrize(
    ("variables", "written"),
    [
        ({"PYTHONIOENCODING": "ascii"}, ASCII),
        ({"PYTHONIOENCODING": "latin-1:strict"}, LATIN_1),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, ASCII),
    ],
    ids=["ASCII", "Latin-1", "the C locale"],
)
def test_what_an_encoding_lacks_is_escaped(
    program: str, variables: dict[str, str], written: tuple[bytes, bytes]
) -> None:
    """A head of Latin-1, or a tick in a table, must not end a program where stdout is ASCII."""
    environment = os.environ | variables
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
    assert (done.stdout, done.stderr) == written
