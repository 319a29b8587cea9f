"""`lab swarm`: wrong usage is one line and exit code 2, before any engine is asked."""

import pytest

from lab.cli import main, understand


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ps", "--keep"], "--keep is for up: leave it out: lab swarm ps"),
        (["down", "--timeout", "5"], "--timeout is for up: leave it out: lab swarm down"),
        (["up", "--", "wget"], "words after -- are the client's: lab swarm run -- WORDS"),
        (["up", "--node", "host"], "'host' is not the address of an engine: ssh://HOST"),
        (["up", "--node", "unix:///nonesuch.sock"], "the engine at unix:///nonesuch.sock cannot be asked ("),
        (["ps", "--project", "A"], "COMPOSE_PROJECT_NAME='A' is not the name of a project"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_wrong_usage(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The line says what to do."""
    assert main(["swarm", *words]) == 2
    line = capsys.readouterr().err
    assert line.startswith("lab swarm: ")
    assert said in line
    assert line.count("\n") == 1


def test_words_after_the_dashes_are_the_clients() -> None:
    """Its options are not lab's, although some have the same names."""
    options = understand(["swarm", "run", "--node", "ssh://a", "--node", "ssh://b", "--", "wget", "--timeout", "1"])
    assert (options.verb, options.node, options.words) == ("run", ["ssh://a", "ssh://b"], ["wget", "--timeout", "1"])


@pytest.mark.parametrize("words", [["paint"], ["up", "down"], ["run", "wget"]], ids=" ".join)
def test_one_verb_and_no_more(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The client's words come after `--`."""
    with pytest.raises(SystemExit) as ended:
        main(["swarm", *words])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
