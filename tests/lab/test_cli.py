"""The command `lab`: one line for an error that a person can correct, and a documented exit code."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab import cli, env_file
from lab.cli import COMMANDS, main, understand
from lab.compose import override
from lab.compose.errors import LabNotHealthy
from lab.compose.stack import Stack
from lab.docker import daemon, engine
from lab.docker.errors import EngineMissing

MAKEFILE = Path(__file__).parents[2] / "Makefile"


def test_an_error_is_its_evidence_then_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another program's lines come first, and what to do last, where a person looks."""

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


def test_output_of_other_programs_is_printed_without_control_characters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A container's log quotes its peers; each of its lines is one printable line here."""

    def fail(_options: object) -> int:
        raise LabNotHealthy(["a\x1b[2J"], evidence=["web:\tup\x1b]0;t\x07", "  exit code 1: first\nsecond\u202e", ""])

    monkeypatch.setitem(cli.COMMANDS, "up", COMMANDS["up"]._replace(run=fail))
    assert main(["up"]) == 1
    *lines, last = capsys.readouterr().err.splitlines()
    assert lines == [r"web:    up\x1b]0;t\x07", "  exit code 1: first", r"second\u202e", ""]
    assert last.startswith(r"lab up: not healthy: a\x1b[2J")


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
    """Its options are not lab's, although some have the same names."""
    words = ["wget", "--loop", "uvloop", "--help", "-n", "+1", "--project", "x"]
    assert understand([command, *words]).words == words


def test_whose_logs_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-f` comes first, as people type it; Compose gets the same options."""
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


@pytest.fixture
def without_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which no part of Docker is installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(engine, "SOCKET", tmp_path / "docker.sock")
    monkeypatch.setattr(daemon, "PID_FILE", tmp_path / "docker.pid")


@pytest.mark.usefixtures("without_docker")
@pytest.mark.parametrize("command", ["ps", "logs", "run"])
def test_without_docker_there_is_nothing_to_look_at(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that says what to do, and no traceback of a library."""
    assert main([command]) == 2
    assert capsys.readouterr().err == (
        f"lab {command}: no Docker here, so no lab in containers: `make up` installs it where it can, or "
        "`make demo` runs the whole lab without Docker\n"
    )


@pytest.mark.usefixtures("without_docker")
def test_without_any_engine_there_is_nothing_to_take_down(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only then is it certain that no lab runs: exit code 0."""
    monkeypatch.setattr(override, "remove", lambda _root: None)
    assert main(["down"]) == 0
    assert capsys.readouterr().err == "No Docker engine is here, so no lab runs.\n"


@pytest.mark.parametrize(
    ("line", "code", "shown"),
    [
        ("--help", 0, "usage: lab run [COMMAND]"),
        ("wget --help", 0, "usage: lab run wget "),
        ("hello -h", 0, "usage: lab run hello "),
        ("--version", 0, "asynclab "),
        ("wget --typo", 2, "lab run wget: "),
        ("frobnicate", 2, "lab run: no such command"),
        ("hello --users none", 2, "lab run hello: "),
        ("wget --resume", 2, "lab: --resume goes on with a file"),
        ("compare wget --users 3", 2, "lab: compare wget has no --users"),
    ],
)
def test_the_clients_help_and_refusals_start_no_container(
    line: str, code: int, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They come before Docker is asked for anything; so does every option that contradicts another."""
    asked: list[Sequence[str]] = []
    monkeypatch.setattr(Stack, "run_client_here", lambda _stack, words: asked.append(words))
    try:
        found = main(["run", *line.split()])
    except SystemExit as ended:
        found = int(ended.code or 0)
    out, err = capsys.readouterr()
    assert (found, asked) == (code, [])
    assert (err if code else out).startswith(shown)


def test_the_clients_arguments_are_passed_on_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not run here."""
    asked: list[Sequence[str]] = []
    monkeypatch.setattr(Stack, "run_client_here", lambda _stack, words: asked.append(words))
    words = ["wget", "a.test", "--loop", "uvloop", "-o", "x.jsonl", "--format", "jsonl", "--resume"]
    COMMANDS["run"].run(understand(["run", *words]))
    assert asked == [words]


REFUSALS = {
    "refused": (f"permission denied while trying to connect to the Docker daemon at {engine.SOCKET}", "refuses"),
    "dead": ("Cannot connect to the Docker daemon at tcp://127.0.0.1:1.", "tcp://127.0.0.1:1, where nothing answers"),
    "broken": ("Failed to initialize: no such context", "no such context"),
}


@pytest.mark.parametrize("command", ["up", "down", "ps", "logs", "run"])
@pytest.mark.parametrize(("said", "why"), REFUSALS.values(), ids=REFUSALS)
def test_an_engine_that_cannot_be_asked_is_never_called_absent(
    command: str,
    said: str,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every command that needs it says which it is, with exit code 2: a lab may well run."""
    docker = tmp_path / "docker"
    facts = "" if why == "no such context" else '{"ClientInfo": {"Plugins": []}}'
    docker.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo Docker version 28.2.2 && exit\n'
        f"printf '%s' '{facts}'\necho '{said}' >&2\nexit 1\n"
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1" if "tcp" in why else "")
    assert main([command]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"lab {command}: the Docker ")
    assert why in line
    assert line.count("\n") == 1


@pytest.mark.parametrize("value", ["Upper", "a/b", "../x", "-a", "a" * 64, "a b", "\udcff"], ids=ascii)
def test_a_wrong_project_name_is_refused(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The name is a part of file names and of names in the engine."""
    assert main(["down", f"--project={value}"]) == 2
    assert "is not the name of a project" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["0", "-1", "nan", "soon", "inf", "86401"])
def test_a_wrong_time_is_wrong_usage(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Such a deadline would never come."""
    with pytest.raises(SystemExit) as ended:
        main(["up", f"--timeout={value}"])
    assert ended.value.code == 2
    assert "--timeout" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["embedded", "pipeline"], ["record", "http://127.0.0.1:1/"]], ids=" ".join)
def test_what_env_says_reaches_the_client(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A setting is one, in the environment or in `.env`, with containers and without."""
    monkeypatch.setattr(env_file, "read", lambda _: {"LAB_LOOP": "trio"})
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("lab: LAB_LOOP='trio' is not one of asyncio, uvloop")


def test_the_port_that_compose_publishes_is_nothing_to_the_embedded_lab(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Compose takes ranges, too."""
    monkeypatch.setattr(env_file, "read", lambda _: {"HELLO_PORT": "8000-8010"})
    assert main(["embedded", "pipeline", "-n", "1"]) == 0
    assert capsys.readouterr().out.startswith("[PRODUCER] Producing 1...")


@pytest.mark.parametrize(
    "words", [["embedded", "pipeline", "-n", "1"], ["record", "http://127.0.0.1:1/"]], ids=" ".join
)
def test_an_env_that_cannot_be_read_is_not_needed_without_containers(
    words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says that it is ignored; for containers, Compose reads it too, and it is an error with exit code 3."""
    read = env_file.read
    monkeypatch.setattr(env_file, "read", lambda _: read(tmp_path))  # a directory can be read by no user, not even root
    assert main(words) == {"embedded": 0, "record": 4}[words[0]]
    assert f"{tmp_path} cannot be read (Is a directory): going on without what it says\n" in capsys.readouterr().err
    assert main(["up"]) == 3
    assert "cannot be read (Is a directory): make it a file that you may read" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["embedded", "pipeline"], ["bench", "stalled", "--quick"]], ids=" ".join)
def test_without_a_temporary_directory_there_is_one_line(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, and what to set."""
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/nowhere")
    assert main(words) == 3
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("lab: cannot make a temporary directory (")
    assert line.endswith("name one that can be written in TMPDIR")


def test_an_error_of_the_disk_is_one_line_in_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, with the file where the system names one."""

    def fail(_options: object) -> int:
        raise OSError(28, "No space left on device", "/x\x1b")

    monkeypatch.setitem(cli.COMMANDS, "up", COMMANDS["up"]._replace(run=fail))
    assert main(["up"]) == 3
    assert capsys.readouterr().err == "lab up: /x\\x1b: No space left on device\n"


def test_lab_embedded_imports_little() -> None:
    """`lab embedded` waits for nothing that only containers need."""
    code = "import sys, lab.cli, lab.embedded.program; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"python_on_whales", "pydantic", "rich"} & set(loaded)


def test_each_verb_of_the_makefile_is_one_line_that_calls_lab() -> None:
    """The Makefile is a list of verbs; their code is in lab, where it is tested."""
    recipes = [line for line in MAKEFILE.read_text().splitlines() if line.startswith("\t")]
    assert all(line.startswith("\t@") and not line.endswith("\\") for line in recipes)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chaos", "sites"], "chaos leaves no quiet machine for a bench: run lab bench chaos alone"),
        (["chaos", "--rounds", "3"], "--rounds is not for chaos: it takes --seconds, --quick, --seed and --json"),
        (["sites", "--seed", "4"], "--seed is for chaos: leave it out, or lab bench chaos"),
        (
            ["frobnicate"],
            (
                "there is no bench 'frobnicate': choose from sites, gateway, wget, hello, stalled, pipeline, trace, "
                "start, scale, chaos"
            ),
        ),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_chaos_is_no_bench_beside_others(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It would disturb the others; options of the one are refused for the other."""
    assert main(["bench", *words]) == 2
    assert capsys.readouterr().err == f"lab bench: {said}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_whether_it_needs_the_checkout(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the package is installed without one, all but four end with one line, before anything is done."""
    monkeypatch.setattr("lab.cli.IS_CHECKOUT", False)
    if COMMANDS[command].needs_checkout:
        assert main([command]) == 2
        printed = capsys.readouterr()
        assert (printed.out, printed.err.count("\n")) == ("", 1)
        assert printed.err.startswith(f"lab {command}: this is the installed package, and the command needs the")
    else:
        assert command in {"embedded", "serve", "record", "report", "watch"}
