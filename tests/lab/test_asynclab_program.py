"""The program `asynclab`: which words are the client's, and which are `lab`'s."""

import os
import subprocess
import sys

import pytest

from lab import ROOT
from lab.asynclab_program import main
from services.client.options.commands import COMMANDS
from tests.lab.serving.labs import ready, serving


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]], ids=" ".join)
def test_without_a_command_it_shows_its_commands(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And fetches nothing: the tutorial's hosts would be those of the Internet."""
    try:
        code: object = main(words)
    except SystemExit as ended:
        code = ended.code
    printed = capsys.readouterr()
    assert (code, printed.err) == (0, "")
    assert printed.out.startswith("usage: asynclab COMMAND [OPTIONS]\n")
    assert [name for name in ("serve", *COMMANDS) if f"\n  {name} " not in printed.out] == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["embedded"], "asynclab: no such command: 'embedded'; there are serve, wget, "),
        (["--lab", "http://127.0.0.1:1", "parse"], "asynclab parse: parse needs no lab: leave --lab out"),
        (["worker", "--lab=http://127.0.0.1:1"], "asynclab worker: worker needs no lab: leave --lab out"),
        (["--timeout"], "asynclab: unrecognized arguments: --timeout (see asynclab --help)"),
        (["wget", "--nothing"], "asynclab wget: unrecognized arguments: --nothing (see asynclab wget --help)"),
        (["serve", "--nothing"], "lab serve: unrecognized arguments: --nothing (see lab serve --help)"),
        (["serve", "curl", "x"], "lab serve: unrecognized arguments: curl x; a command stands after -- (see "),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_what_is_no_command_is_refused_in_one_line(
    words: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert printed.err.startswith(line)
    assert printed.err.count("\n") == 1


def test_a_command_of_the_client_is_the_clients(capsys: pytest.CaptureFixture[str]) -> None:
    """Its examples name this program."""
    with pytest.raises(SystemExit) as ended:
        main(["wget", "--help"])
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert "usage: asynclab wget" in printed
    assert "\n  asynclab wget www.163.com" in printed


@pytest.mark.parametrize("by", ["option", "variable"])
def test_without_a_command_it_runs_the_three_programs_in_the_lab_that_is_named(by: str) -> None:
    """As the client does, by --lab or ASYNCLAB_URL."""
    with serving("--format", "json") as process:
        url = ready(process)["gateway"]
        ran = subprocess.run(
            [sys.executable, "-P", "-m", "asynclab", *(["--lab", url] if by == "option" else [])],
            env=os.environ | ({"ASYNCLAB_URL": url} if by == "variable" else {}),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert ran.returncode == 0, ran.stderr
    assert [word for word in ("www.163.com header > ", "[CONSUMER] ", "one user alone") if word not in ran.stdout] == []


def test_help_stays_help_where_a_lab_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And names what runs without a command."""
    monkeypatch.setenv("ASYNCLAB_URL", "http://127.0.0.1:1")
    with pytest.raises(SystemExit):
        main(["--lab", "http://127.0.0.1:1", "--help"])
    assert "\n  --lab URL   all three programs of the tutorial, in that lab\n" in capsys.readouterr().out
