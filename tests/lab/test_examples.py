"""The examples of every `--help` run as they are printed, in a checkout where only `make setup` was done."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab import ROOT
from lab.cli import CLIENT_COMMANDS, main
from lab.cli import COMMANDS as LAB_COMMANDS
from lab.commands import NOT_EMBEDDED
from services.client.options.commands import COMMANDS

NAMES = ("", *(name for name in COMMANDS if name not in NOT_EMBEDDED))
SLOW = ("wget --help", "compare --loop", "compare hello")  # enough of the kind is run


def examples_in(text: str) -> list[str]:
    """Return the examples that a help has."""
    found = re.search(r"^examples?, to run in the checkout:\n((?:  .+\n)+)", text, re.MULTILINE)
    assert found, text
    return [line.strip() for line in found[1].splitlines()]


def help_of(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return what `lab WORDS --help` shows."""
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_what_help_shows_runs_from_a_fresh_checkout(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line by line, in a shell: `lab embedded` needs no network and no Docker."""
    (tmp_path / "services").symlink_to(ROOT / "services")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/lab").symlink_to(Path(sys.executable).parent / "lab")
    for line in examples_in(help_of(["embedded", *filter(None, [name])], capsys)):
        assert line.startswith((".venv/bin/lab embedded", "printf "))
        if any(each in line for each in SLOW):
            continue
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=tmp_path,
            env={**os.environ, "HELLO_DELAY_S": "0.01"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, (line, done.stderr)


@pytest.mark.parametrize("words", [[], ["--help"], ["--concurrency", "3"]], ids=" ".join)
def test_a_worker_is_no_command_of_the_embedded_lab(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Its broker would end with it: one line says what to do, exit 2; help does not name it."""
    with pytest.raises(SystemExit) as ended:
        main(["embedded", "worker", *words])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "lab embedded pipeline --edition jetstream" in said.err
    assert "\n  worker" not in help_of(["embedded"], capsys)


@pytest.mark.parametrize("name", sorted({*LAB_COMMANDS} - {*CLIENT_COMMANDS}))
def test_the_labs_own_commands_have_examples_that_it_understands(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """They need Docker, so here they are only read."""
    from lab.cli import understand

    lines = examples_in(help_of([name], capsys))
    assert lines == [f".venv/bin/lab {each}" for each in LAB_COMMANDS[name].examples]
    for line in lines:
        assert understand(line.split()[1:]).command == name
