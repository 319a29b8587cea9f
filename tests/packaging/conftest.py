"""The sdist and the wheel, built once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import ROOT


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build both as a release is built, the wheel out of the sdist, and return them: no network is needed."""
    into = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(into), str(ROOT)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=55, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(into.glob("*.tar.gz")), next(into.glob("*.whl"))
