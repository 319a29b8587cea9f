"""Builds the project's distributions, as `python -m build` does; no network is needed."""

import os
import subprocess
import sys
from pathlib import Path


def build(*words: str | Path, into: Path) -> None:
    """Run `python -m build` with these words. Measuring coverage is left out: the backend is a program of others."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(into), *map(str, words)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=55, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
