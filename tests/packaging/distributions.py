"""The project's distributions: built as `python -m build` does, without a network, and the names of their files."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path


def build(*words: str | Path, into: Path) -> None:
    """Run `python -m build` with these words. Measuring coverage is left out: the backend is a program of others."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(into), *map(str, words)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=55, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def names_in_sdist(sdist: Path) -> set[str]:
    """Return the names of an sdist's files."""
    with tarfile.open(sdist) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def names_in(wheel: Path) -> list[str]:
    """Return the names of a wheel's files."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()
