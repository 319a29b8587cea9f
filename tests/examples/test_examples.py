"""Each file of `examples/` runs as a person would run it, and prints what it is there to show."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PRINTED = {  # a regular expression for all of stdout
    "bounded_queue": r"30 users were greeted by 4 workers\nthe queue held 2 at most\n",
    "deadline": r"\d+ bytes came, the first of them b'HTTP/1\.0'\nthe fetch was ended by the total deadline\n",
    "first_answer": (
        r"(?:www\.(?:sina\.com\.cn|sohu\.com): cancelled\n){2}"
        r"the first answer: www\.163\.com: HTTP/1\.0 302 Moved Temporarily\n"
    ),
    "heads_at_once": (
        r"www\.sina\.com\.cn: HTTP/1\.1 200 OK\nwww\.sohu\.com: HTTP/1\.1 200 OK\n"
        r"www\.163\.com: HTTP/1\.0 302 Moved Temporarily\n3 heads in \d\.\d{3} s\n"
    ),
    "lab_resolver": (
        r"http://www\.163\.com/ 302 Moved Temporarily, a body of 0 bytes\n"
        r"https://www\.sohu\.com/ 200 OK, a body of \d\d,\d{3} bytes\n"
        r"http://elsewhere\.test/ no such name in the embedded lab\n"
    ),
    "record_and_replay": (
        r"HTTP/1\.1 200 OK\r\nX-ODD:  one\r\nX-ODD:  two\r\nContent-Length: 5\r\n\r\nhello\nthe same bytes\n"
    ),
    "retry_after_reset": (
        r"(?:attempt [12]: ConnectionResetError\n){2}attempt 3: HTTP/1\.1 200 OK\na head of \d+ bytes\n"
    ),
    "verify_with_journal": (
        r"200, verified: True\n409, verified: False\n"
        r"  expect\[0\]: expected exactly 1, found 0\n  nearest: target: '/1' is not '/7'\n"
    ),
}


def test_every_example_is_tested_and_is_in_the_list() -> None:
    """A new file needs a line in both."""
    files = {file.stem for file in EXAMPLES.glob("*.py")}
    assert files == PRINTED.keys()
    assert set(re.findall(r"\]\((\w+)\.py\)", (EXAMPLES / "README.md").read_text("utf-8"))) == files


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_prints_what_it_shows(name: str) -> None:
    """It is run as a file, from the checkout, with warnings as errors: no task and no socket is left behind."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", f"examples/{name}.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=50,
        check=False,
    )
    errors = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0, errors
    assert re.fullmatch(PRINTED[name], done.stdout.decode("utf-8")), done.stdout
    assert "Warning" not in errors
    assert "Traceback" not in errors
