"""The sdist and the wheel, built once."""

from pathlib import Path

import pytest

from lab import ROOT
from tests.packaging.distributions import build


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build both as a release is built, the wheel out of the sdist, and return them."""
    into = tmp_path_factory.mktemp("dist")
    build(ROOT, into=into)
    return next(into.glob("*.tar.gz")), next(into.glob("*.whl"))
