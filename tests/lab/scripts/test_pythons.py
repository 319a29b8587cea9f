"""The oldest and the newest Python that the project names: every tool and every run of CI means the same two."""

import re
import tomllib

from lab import ROOT

OLDEST, NEWEST = "3.11", "3.14"


def said(file: str, pattern: str) -> list[tuple[str, ...]]:
    """Return what a file says at each place of a pattern: the pattern's groups."""
    return [found.groups() for found in re.finditer(pattern, (ROOT / file).read_text("utf-8"))]


def test_what_the_tools_are_told_is_the_oldest() -> None:
    """Code that only a newer one takes must not pass."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["requires-python"] == f">={OLDEST}"
    assert project["tool"]["mypy"]["python_version"] == OLDEST
    assert project["tool"]["ruff"]["target-version"] == f"py{OLDEST.replace('.', '')}"
    assert said("Makefile", r"--python-version (\S+)") == [(OLDEST,)]


def test_ci_runs_both() -> None:
    """All tests on the oldest, and those that need no containers on each."""
    assert said(".github/workflows/check.yml", r'python-version: "(.+)"') == [(OLDEST,)]
    assert said(".github/workflows/check.yml", r'python: \["(.+)", "(.+)"\]') == [(OLDEST, NEWEST)]
    assert said(".ci/newest", r"python=python(\S+)") == [(NEWEST,)]
