"""The program `asynclab`: which words are the client's, and which are `lab`'s."""

import pytest

from lab.asynclab_program import main
from services.client.options.commands import COMMANDS


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
        (["--timeout"], "asynclab: unrecognized arguments: --timeout (see asynclab --help)"),
        (["wget", "--nothing"], "asynclab wget: unrecognized arguments: --nothing (see asynclab wget --help)"),
        (["serve", "--nothing"], "lab: unrecognized arguments: --nothing (see lab --help)"),
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
