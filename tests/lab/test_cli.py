"""The command `lab`: one line for what a person can mend, and a documented exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab import cli, dotenv
from lab.cli import COMMANDS, main, understand
from lab.errors import EngineMissing
from lab.stack import Stack

MAKEFILE = Path(__file__).parents[2] / "Makefile"


def test_an_error_is_its_evidence_then_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a foreign program said comes first, what to do last, where a person looks."""

    def fail(_options: object) -> int:
        error = EngineMissing("this is not Debian")
        error.evidence = ("apt said no",)
        raise error

    monkeypatch.setitem(cli.COMMANDS, "up", COMMANDS["up"]._replace(run=fail))
    assert main(["up"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "apt said no",
        (
            "lab up: no Docker engine here, and this is not Debian: install or start Docker yourself, or "
            "`make demo` runs the whole lab without Docker"
        ),
    ]


@pytest.mark.parametrize("argv", [[], ["frobnicate"], ["up", "--frobnicate"], ["engine", "paint"]])
def test_wrong_usage_is_one_line_and_exit_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The line says where help is."""
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "--help)" in err


@pytest.mark.parametrize("command", ["embedded", "run"])
def test_the_rest_of_the_line_is_the_clients(command: str) -> None:
    """Its options are not lab's, whatever they are called."""
    words = ["wget", "--loop", "uvloop", "--help", "-n", "+1", "--project", "x"]
    assert understand([command, *words]).words == words


def test_whose_logs_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-f` comes first, as people type it; what is said is what Compose is asked."""
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(Stack, "become", lambda _stack, *words: asked.append(words))
    for line in ("ps", "logs", "logs -f", "logs --follow hello sina", "logs hello --tail 5"):
        options = understand(line.split())
        COMMANDS[options.command].run(options)
    assert asked == [
        ("ps",),
        ("logs",),
        ("logs", "--follow"),
        ("logs", "--follow", "hello", "sina"),
        ("logs", "hello", "--tail", "5"),
    ]


@pytest.mark.parametrize("command", ["ps", "logs", "run"])
def test_without_docker_there_is_nothing_to_look_at(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that says what to do, and not the traceback of a library."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main([command]) == 2
    assert capsys.readouterr().err == (
        f"lab {command}: no Docker here, so no lab in containers: `make up` installs it where it can, or "
        "`make demo` runs the whole lab without Docker\n"
    )


@pytest.mark.parametrize("words", [["embedded", "pipeline"], ["record", "http://127.0.0.1:1/"]], ids=" ".join)
def test_what_env_says_reaches_the_client(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A setting is one, in the environment or in `.env`, with containers and without."""
    monkeypatch.setattr(dotenv, "settings", lambda *_: {"LAB_LOOP": "trio"})
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("lab: LAB_LOOP='trio' is not one of asyncio, uvloop")


def test_the_port_that_compose_publishes_is_nothing_to_the_embedded_lab(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Compose takes ranges, too."""
    monkeypatch.setattr(dotenv, "settings", lambda *_: {"HELLO_PORT": "8000-8010"})
    assert main(["embedded", "pipeline", "-n", "1"]) == 0
    assert capsys.readouterr().out.startswith("[PRODUCER] Producing 1...")


def test_the_control_room_starts_light() -> None:
    """`lab embedded` waits for nothing that only containers need."""
    code = "import sys, lab.cli, lab.embedded; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"python_on_whales", "pydantic", "rich"} & set(loaded)


def test_each_verb_of_the_makefile_is_one_line_that_calls_lab() -> None:
    """The Makefile is a list of verbs; what they do is in lab, where it is tested."""
    recipes = [line for line in MAKEFILE.read_text().splitlines() if line.startswith("\t")]
    assert all(line.startswith("\t@") and not line.endswith("\\") for line in recipes)


@pytest.mark.parametrize("words", [["chaos", "sites"], ["frobnicate"]])
def test_chaos_is_no_bench_beside_others(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It would disturb what they measure; who compares with peers does not attack anything by accident."""
    assert main(["bench", *words]) == 2
    err = capsys.readouterr().err
    assert f"there is no bench {words[0]!r}: choose from sites, wget, hello, stalled, chaos alone" in err
