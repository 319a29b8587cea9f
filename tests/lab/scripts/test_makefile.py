"""The Makefile's verbs: a value of a person is text, which neither make nor a shell expands."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TEXTS = [
    "http://example.org/",
    "http://a/'; touch hurt; '",
    '"; touch hurt; "',
    "$(touch hurt)",
    "$(shell touch hurt)",
    "`touch hurt`",
    "a;touch hurt",
    "a|touch hurt",
    "a&touch hurt",
    "a\ntouch hurt",
    "$100",
    "$$HOME ${HOME} $HOME",
    "$(error no)",
    "$(eval all: ; touch hurt)",
    "a b  c",
    "*",
    "~",
    "#x",
    "\\",
    "%41",
    "!x",
    "-n",
    "é",
]


def make(tree: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run make in a tree, apart from a make that may have started the tests."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "MFLAGS", "URL")) and name != "PYTHON"
    }
    return subprocess.run(
        ["make", "--no-print-directory", *words],
        cwd=tree,
        env=inherited | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_a_url_reaches_lab_to_the_letter(tree: Path, text: str) -> None:
    """On make's command line and in the environment; no shell and no make takes it for a command."""
    before = sorted(tree.rglob("*"))
    for done in (
        make(tree, "record", f"URL={text}"),
        make(tree, "record", URL=text),
        make(tree, "-e", "record", URL=text),
    ):
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == ["record", "--", text]
    assert sorted(tree.rglob("*")) == before


@pytest.mark.parametrize("name", ["LAB", "COMPILE", "HELLO_PORT", "LAB_LOOP", "ANYTHING"])
def test_no_other_variable_is_expanded_or_run(tree: Path, name: str) -> None:
    """By default, make expands the values that it exports to a recipe."""
    for value in ("$(shell touch hurt)", "touch hurt;"):
        done = make(tree, "up", f"{name}={value}")
        assert json.loads(done.stdout) == ["up"]
        assert not (tree / "hurt").exists()


def test_a_record_without_a_url_is_one_line_with_the_usage() -> None:
    """As `make record` runs it, and without a name at all."""
    for words in (["record", "--", ""], ["record", "--"], ["record"], ["record", ""]):
        done = subprocess.run(
            [Path(sys.executable).parent / "lab", *words], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 2
        assert done.stderr == (
            "lab record: no URL was given: make record URL=http://example.org/, or lab record http://example.org/\n"
        )


TOOL = """#!/bin/sh
name=${0##*/}
[ "$name $1" = "$FAILS" ] || [ "$name" = "$FAILS" ] || exit 0
echo "$name found this" >&2
exit 7
"""
CHECKS = [
    "ruff format --check --quiet",
    "ruff check --quiet",
    "mypy --no-error-summary",
    "lint-imports --no-cache",
    "hadolint services/Dockerfile",
    "docker compose config --quiet",
    "docker stack config --compose-file compose.yaml",
]


@pytest.fixture
def tools(tree: Path) -> Path:
    """Return a tree with every tool of `make check`; the one that FAILS names finds something."""
    for name in ("ruff", "mypy", "lint-imports", "hadolint", "docker"):
        (tree / ".venv/bin" / name).write_text(TOOL)
        (tree / ".venv/bin" / name).chmod(0o755)
    return tree


def test_a_check_that_finds_nothing_is_a_line_for_each_tool(tools: Path) -> None:
    """In their order, with exit code 0."""
    done = make(tools, "check", FAILS="", CI="true")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"ok    {check}" for check in CHECKS]


@pytest.mark.parametrize("number", range(5), ids=lambda number: CHECKS[number].partition(" --")[0])
def test_every_tool_runs_though_one_finds_something(tools: Path, number: int) -> None:
    """The one that does is named, with what it said; the whole check has failed."""
    name = CHECKS[number].partition(" --")[0].removesuffix(" services/Dockerfile")
    done = make(tools, "check", FAILS=name, CI="")
    expected = [f"ok    {check}" for check in CHECKS]
    expected[number : number + 1] = [f"FAIL  {CHECKS[number]}", f"{name.split()[0]} found this"]
    assert done.returncode == 2
    assert done.stdout.splitlines() == expected


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 2)], ids=["a person's machine", "CI"])
@pytest.mark.parametrize(("lacks", "number"), [("docker compose", 5), ("docker stack", 6)])
def test_what_this_machines_docker_client_cannot_check_is_left_out(
    tools: Path, lacks: str, number: int, ci: str, code: int
) -> None:
    """With the reason; where CI is set nothing may be left out."""
    done = make(tools, "check", FAILS=lacks, CI=ci)
    expected = [f"ok    {check}" for check in CHECKS]
    expected[number] = f"skip  {CHECKS[number]}: this machine's Docker client cannot"
    assert done.stdout.splitlines() == expected
    assert done.returncode == code


PYTEST = """#!/bin/sh
printf '%s\\n' "$*"
case "$*" in *"$FAILS"*) exit 1 ;; esac
"""
TOGETHER = "--numprocesses auto --maxprocesses 8 --dist worksteal -m not (alone or docker)"
BY_ITSELF = "-m (alone or docker)"


@pytest.mark.parametrize(("fails", "code"), [("neither", 0), ("worksteal", 2), (BY_ITSELF, 2)], ids=ascii)
def test_what_needs_the_machine_for_itself_is_tested_apart(tree: Path, fails: str, code: int) -> None:
    """The two parts are all tests; both run, and one that fails is enough."""
    program = tree / ".venv/bin/pytest"
    program.write_text(PYTEST)
    program.chmod(0o755)
    done = make(tree, "test", FAILS=fails)
    assert (done.returncode, done.stdout.splitlines()) == (code, [TOGETHER, BY_ITSELF])


def test_coverage_is_of_both_parts_without_containers(tree: Path) -> None:
    """And is reported once both have passed."""
    program = tree / ".venv/bin/coverage"
    program.write_text(PYTEST)
    program.chmod(0o755)
    done = make(tree, "coverage", FAILS="neither")
    run = "run -m pytest"
    parts = [f"{run} {part} and not (docker or browser)" for part in (TOGETHER, BY_ITSELF)]
    assert (done.returncode, done.stdout.splitlines()) == (0, ["erase", *parts, "combine --quiet", "report"])
