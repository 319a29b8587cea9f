"""The trees that tests work in: one for recordings, one for the Makefile; and a directory of temporary files."""

import shutil
import sys
from pathlib import Path

import pytest

from lab import ROOT
from lab.compose import override

LAB = """#!{python}
import json, sys
print(json.dumps(sys.argv[1:]))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a tree with Compose files and one setting of a person's own."""
    for name in override.FILES:
        (tmp_path / name).touch()
    (tmp_path / ".env").write_text("# mine\nHELLO_PORT=0\n")
    return tmp_path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a checkout whose `lab` prints what it is given, and in which nothing has to be set up."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in (".venv/bin", "requirements", "lab/scripts"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("setup.sh", "venv_works.sh", "check.sh", "test.sh"):
        shutil.copy(ROOT / "lab/scripts" / name, tmp_path / "lab/scripts")
    for name in ("requirements/lab.txt", "requirements/tests.txt", "pyproject.toml", ".venv/.lab", ".venv/.tests"):
        (tmp_path / name).write_text("a==1\n")
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    (tmp_path / ".venv/bin/lab").write_text(LAB.format(python=tmp_path / ".venv/bin/python"))
    (tmp_path / ".venv/bin/lab").chmod(0o755)
    return tmp_path


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of temporary files, of this test alone."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    return directory
