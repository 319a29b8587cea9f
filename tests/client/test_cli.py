"""The client's command line, without a lab."""

import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest

from services.client.cli import main, understand
from services.client.defaults import ON_HOST
from services.client.options.commands import COMMANDS, TOUR
from services.client.survey.options import Options
from services.client.survey.run import GRACE_S
from services.runtime.errors import BadSetting
from services.runtime.settings import LOOPS

ROOT = Path(__file__).parents[2]


@pytest.mark.usefixtures("unmeasured")
def test_help_loads_nothing_heavy() -> None:
    """Help comes at once: what a command needs is imported when it runs."""
    code = "import sys, services.client.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    heavy = {"asyncio", "dataclasses", "inspect", "json", "logging", "ssl", "aiohttp", "services.client.head"}
    assert not heavy & set(loaded)


@pytest.mark.parametrize("argv", [[], *([name] for name in COMMANDS)], ids=" ".join)
def test_each_command_has_help(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` shows the options and the exit codes, and is exit 0."""
    with pytest.raises(SystemExit) as ended:
        main([*argv, "--help"])
    assert ended.value.code == 0
    assert "exit codes: 0 all well" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [(name, words) for name, command in [("", TOUR), *COMMANDS.items()] for words in command.examples]
)
def test_the_examples_of_help_are_command_lines(words: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each is understood as it stands, and is in the help of its command."""
    name, example = words
    argv = shlex.split(re.split(" [<>] ", example)[0])
    if "--help" not in argv:
        understand(argv, default_loop="asyncio")
    with pytest.raises(SystemExit):
        main([*([name] if name else []), "--help"])
    assert f"\n  {ON_HOST} {example}".rstrip() + "\n" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [["--version"], ["wget", "--version"]], ids=" ".join)
def test_the_version_is_that_of_the_project(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Containers have no pyproject.toml, so it is in the code too."""
    with pytest.raises(SystemExit) as ended:
        main(argv)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (ended.value.code, capsys.readouterr().out) == (0, f"asynclab {project['version']}\n")


def test_help_says_how_long_an_interrupted_survey_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """The first ^C lets fetches in flight end, for some time."""
    with pytest.raises(SystemExit):
        main(["wget", "--help"])
    assert f"after ^C, {GRACE_S:g} at most" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("method", ["head", "Head", "HEAD"])
def test_a_method_may_be_written_in_any_case(method: str) -> None:
    """There are but two, and they are sent in capitals (RFC 9110, section 9.1)."""
    assert understand(["wget", "--method", method], default_loop="asyncio").values["method"] == "HEAD"


@pytest.mark.parametrize("loop", LOOPS)
def test_lab_loop_is_the_default_and_the_option_wins(loop: str) -> None:
    """LAB_LOOP for a whole shell, --loop for one command."""
    assert understand(["wget"], default_loop=loop).loop == loop
    assert understand(["wget", "--loop", "uvloop"], default_loop="asyncio").loop == "uvloop"


@pytest.mark.parametrize("ahead", [["--loop", "uvloop"], ["--loop=uvloop"]], ids=" ".join)
def test_the_loop_may_stand_ahead_of_the_command(ahead: list[str]) -> None:
    """Every command has the option, so people write it first."""
    assert understand([*ahead, "hello", "--users", "7"], default_loop="asyncio").values["users"] == 7
    assert understand([*ahead, "hello"], default_loop="asyncio").loop == "uvloop"
    assert understand(ahead, default_loop="asyncio").loop == "uvloop"


@pytest.mark.parametrize("option", ["--trace", "--report"])
@pytest.mark.parametrize("command", ["wget", "compare", "hello", "pipeline", "trace script.py"])
def test_an_empty_name_of_a_file_is_no_name(command: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As of a shell variable that is not set: it would be taken for the directory that one is in."""
    name, *rest = command.split()
    with pytest.raises(SystemExit) as ended:
        understand([name, option, "", *rest], default_loop="asyncio")
    assert ended.value.code == 2
    assert f"argument {option}: it is empty: name a file" in capsys.readouterr().err


def test_options_may_stand_between_targets() -> None:
    """What follows `--` is a target, also if it looks like an option."""
    understood = understand(["wget", "a.test", "--timeout", "3", "b.test"], default_loop="asyncio").values
    assert (understood["targets"], understood["timeout_s"]) == (["a.test", "b.test"], 3.0)
    assert understand(["wget", "--", "-x.test"], default_loop="asyncio").values["targets"] == ["-x.test"]


@pytest.mark.parametrize("line", ["--loop", "--loop trio wget", "--loop uvloop frob", "--frob wget"])
def test_what_is_no_command_line_is_refused(line: str) -> None:
    """Exit 2, with any words before it."""
    with pytest.raises(SystemExit) as ended:
        understand(line.split(), default_loop="asyncio")
    assert ended.value.code == 2


def test_a_bad_environment_is_one_line_and_exit_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the variable."""
    monkeypatch.setenv("LAB_LOOP", "trio")
    assert main(["pipeline"]) == BadSetting.exit_code == 2
    assert capsys.readouterr().err == (
        "client: LAB_LOOP='trio' is not one of asyncio, uvloop: correct it or leave it out\n"
    )


def test_the_options_of_a_survey_and_its_dataclass_have_the_same_defaults() -> None:
    """A default that both need is said once, in `services.client.defaults`."""
    assert understand(["wget"], default_loop="asyncio").values == asdict(Options([]))
