"""docs/testing.md: its first tests pass, its tables are of files, names and variables that there are."""

import os
import re
import subprocess
import sys
from pathlib import Path

from asynclab.lab import CA_VARIABLES, PROXY_VARIABLES
from tests.docs.pages import FENCED, ROOT, inline_code, rows, section, text_of

PAGE = text_of(ROOT / "docs/testing.md")
FOLDER = ROOT / "examples/testing"


def test_the_first_tests_pass(tmp_path: Path) -> None:
    """They are run as they stand, in a directory of their own."""
    (code,) = (block for language, block in FENCED.findall(section(PAGE, "A first test")) if language == "python")
    (tmp_path / "test_first.py").write_text(code)
    environment = {name: value for name, value in os.environ.items() if name != "ASYNCLAB_URL"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_every_example_is_in_the_page() -> None:
    """And no other."""
    linked = set(re.findall(r"\.\./examples/testing/([\w.]+)", PAGE))
    assert linked == {file.name for file in FOLDER.iterdir() if file.is_file()}


def test_the_variables_are_those_of_the_environment() -> None:
    """In lower case alone, where both cases are set."""
    described = set(inline_code(section(PAGE, "How your client gets there")))
    assert {*CA_VARIABLES, *(name for name in PROXY_VARIABLES if name.islower())} <= described
    assert {"no_proxy", "HELLO_URL", "ASYNCLAB_URL"} <= described


def test_the_tables_have_as_many_cells_as_their_heads() -> None:
    """A bar within code is escaped."""
    for heading in re.findall(r"^## (.+)$", PAGE, re.MULTILINE):
        assert len({len(row) for row in rows(section(PAGE, heading))}) <= 1, heading
