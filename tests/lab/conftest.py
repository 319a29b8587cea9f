"""A tree for the tests of recordings."""

from pathlib import Path

import pytest

from lab.compose import override


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a tree with Compose files and one setting of a person's own."""
    for name in override.FILES:
        (tmp_path / name).touch()
    (tmp_path / ".env").write_text("# mine\nHELLO_PORT=0\n")
    return tmp_path
