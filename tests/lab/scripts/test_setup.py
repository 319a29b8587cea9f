"""Setting up .venv: with which installer, once at a time, and again where what is there cannot be used."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.scripts.test_makefile import make

LAB_OF_A_LONG_PATH = """#!/bin/sh
'''exec' {quoted} "$0" "$@"
' '''
import json, sys
print(json.dumps(sys.argv[1:]))
"""
UV = """#!/bin/sh
echo "$@" >>"$LOG"
if [ "$1" = venv ]; then read -r _ <"$GATE"; mkdir -p .venv/bin; ln -sf "$REAL" .venv/bin/python; fi
"""


def test_an_interpreter_is_a_path_and_not_a_command_line(tree: Path) -> None:
    """A blank in it is a character."""
    (tree / ".venv/.lab").unlink()
    done = make(tree, "setup", "PYTHON=python3; touch hurt")
    assert done.returncode == 2
    assert done.stderr.startswith("setup: python3; touch hurt is missing or older than Python 3.11")
    assert not (tree / "hurt").exists()


def test_two_at_once_set_up_once(tree: Path) -> None:
    """The second waits, says so, and finds the work done."""
    (tree / ".venv/.lab").unlink()
    (tree / ".venv/bin/python").unlink()
    programs = tree / "programs"
    programs.mkdir()
    (programs / "uv").write_text(UV)
    (programs / "uv").chmod(0o755)
    gate, log = tree / "gate", tree / "log"
    os.mkfifo(gate)
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "GATE": str(gate), "LOG": str(log)}
    environment["REAL"] = sys.executable
    command = ["sh", "lab/scripts/setup.sh", sys.executable, "lab"]

    def start() -> "subprocess.Popen[str]":
        return subprocess.Popen(command, cwd=tree, env=environment, stderr=subprocess.PIPE, text=True)

    with start() as first:
        assert first.stderr
        assert first.stderr.readline().startswith("setup: installing 1 packages")
        with start() as second:
            assert second.stderr
            assert second.stderr.readline() == (
                "setup: another one is at work on .venv: waiting for it (^C gives up)\n"
            )
            gate.write_text("go\n")
            assert first.wait(30) == 0
            assert second.wait(30) == 0
            assert second.stderr.read() == ""
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["venv", "pip", "pip"]


SETUP = """#!/bin/sh
echo "set up with $*" >&2
exit 1
"""


@pytest.fixture
def noted(tree: Path) -> Path:
    """Return a tree in which setting up only says that it was called."""
    (tree / "lab/scripts/setup.sh").write_text(SETUP)
    return tree


def lose_interpreter(tree: Path) -> Path:
    """Remove what .venv's interpreter is a link to."""
    (tree / ".venv/bin/python").unlink()
    (tree / ".venv/bin/python").symlink_to(tree / "gone")
    return tree


def lose_program(tree: Path) -> Path:
    """Remove the program that the verbs call."""
    (tree / ".venv/bin/lab").unlink()
    return tree


def move(tree: Path) -> Path:
    """Move the checkout."""
    return tree.rename(tree.with_name(f"{tree.name}-moved"))


def copy(tree: Path) -> Path:
    """Copy the checkout; the first stays, and its programs would run."""
    return shutil.copytree(tree, tree.with_name(f"{tree.name}-copied"), symlinks=True)


@pytest.mark.parametrize("verb", ["up", "demo", "check"])
@pytest.mark.parametrize("harm", [lose_interpreter, lose_program, move, copy])
def test_a_venv_that_cannot_be_used_is_set_up_again(noted: Path, harm: Callable[[Path], Path], verb: str) -> None:
    """Though its stamps say that it is there: the person has to do nothing."""
    assert "set up" not in make(noted, verb).stderr
    broken = make(harm(noted), verb)
    assert (broken.returncode, broken.stderr.splitlines()[0]) == (2, "set up with python3 lab")


@pytest.mark.parametrize("quote", ["", '"'])
def test_the_program_of_a_long_path_is_one_that_works(noted: Path, quote: str) -> None:
    """Where a path is long or has blanks, installers let a shell start the interpreter."""
    python = f"{quote}{noted / '.venv/bin/python'}{quote}"
    (noted / ".venv/bin/lab").write_text(LAB_OF_A_LONG_PATH.format(quoted=python))
    assert (make(noted, "up").stdout, make(noted, "up").stderr) == ('["up"]\n', "")
    (noted / ".venv/bin/lab").write_text(LAB_OF_A_LONG_PATH.format(quoted=python.replace(str(noted), "/elsewhere")))
    assert make(noted, "up").stderr.startswith("set up with python3 lab")


def test_a_tree_behind_a_link_is_the_same_tree(noted: Path) -> None:
    """Whichever of its names it was set up by."""
    link = noted.with_name(f"{noted.name}-link")
    link.symlink_to(noted)
    assert make(link, "up").stdout == '["up"]\n'


@pytest.mark.parametrize("harm", [lose_interpreter, move])
def test_what_is_broken_is_made_anew(tree: Path, harm: Callable[[Path], Path]) -> None:
    """And not added to: every program in it has the old path."""
    tree = harm(tree)
    programs, log = tree / "programs", tree / "log"
    programs.mkdir()
    (programs / "uv").write_text(UV.replace("read -r _ <", ": "))
    (programs / "uv").chmod(0o755)
    variables = {"PATH": f"{programs}:{os.environ['PATH']}", "LOG": str(log), "REAL": sys.executable, "GATE": ""}
    make(tree, "setup", f"PYTHON={sys.executable}", **variables)
    calls = [line.split() for line in log.read_text().splitlines()]
    assert [words[0] for words in calls] == ["venv", "pip", "pip"]
    assert "--clear" in calls[0]


PYTHON = """#!/bin/sh
case "$*" in
"-c import venv, pip"*) exit "$NO_PIP" ;;
-m*) echo "$@" >>"$LOG" ;;
*) exec "$REAL" "$@" ;;
esac
if [ "$2" = venv ]; then mkdir -p .venv/bin; ln -sf "$0" .venv/bin/python; fi
"""
PIP = "install --quiet --quiet --disable-pip-version-check --no-compile"
LOCKED, CHECKOUT = "--require-hashes --requirement requirements/lab.txt", "--no-deps --no-build-isolation --editable ."


@pytest.mark.parametrize(
    ("no_pip", "expected"),
    [
        (
            "0",
            [
                "-m venv --clear --without-pip .venv",
                f"-m pip --python .venv/bin/python {PIP} {LOCKED}",
                f"-m pip --python .venv/bin/python {PIP} {CHECKOUT}",
            ],
        ),
        ("1", ["-m venv --clear .venv", f"-m pip {PIP} {LOCKED}", f"-m pip {PIP} {CHECKOUT}"]),
    ],
    ids=["its interpreter has a pip", "no pip, or an old one"],
)
def test_without_uv_the_interpreters_own_pip_installs_and_elsewhere_one_in_the_venv(
    tree: Path, no_pip: str, expected: list[str]
) -> None:
    """To put a pip into .venv takes seconds, so it is done where there is no other."""
    usual = "/usr/bin:/bin"
    if shutil.which("uv", path=usual):
        pytest.skip("uv is where every program is")
    shutil.rmtree(tree / ".venv")
    python, log = tree / "a python", tree / "log"
    python.write_text(PYTHON)
    python.chmod(0o755)
    done = make(tree, "setup", f"PYTHON={python}", PATH=usual, LOG=str(log), REAL=sys.executable, NO_PIP=no_pip)
    assert done.stderr.splitlines() == ["setup: installing 1 packages into .venv with pip (once, for lab)"]
    assert log.read_text().splitlines() == expected
