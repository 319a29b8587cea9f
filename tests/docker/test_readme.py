"""The README's first screen is what a person will see: its commands run, and print what it shows."""

import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from lab import ROOT
from tests.stacks import stack_of

PROJECT = "asynclab-test-readme"
FIRST_SCREEN = (ROOT / "README.md").read_text("utf-8").split("\n## ")[0]
COMMANDS, OUTPUT = re.findall(r"^```(?:sh)?\n(.*?)^```$", FIRST_SCREEN, re.MULTILINE | re.DOTALL)
FIGURE = re.compile(r"(?<= )[\d.,]+(?= s$|$)")


def commands() -> list[str]:
    """Return the commands of the first screen."""
    return [line.partition("#")[0].strip() for line in COMMANDS.splitlines()]


def shape(text: str) -> list[str]:
    """Return the lines that are the same each time: measured figures become one letter."""
    return [re.sub(r" +", " ", FIGURE.sub("N", line)) for line in text.splitlines() if not line.startswith("…")]


@pytest.fixture
def environment(engine: None) -> Iterator[dict[str, str]]:
    """Have a project of its own, so that a lab that is up stays as it is."""
    stack = stack_of(PROJECT)
    stack.down()
    yield os.environ | {"COMPOSE_PROJECT_NAME": PROJECT, "HELLO_PORT": "0", "GATEWAY_PORT": "0", "WATCH_PORT": "0"}
    stack.down()


def test_the_commands_print_what_the_readme_shows(environment: dict[str, str]) -> None:
    """In order, as a person would type them: line by line the same output, except measured figures."""
    printed = {}
    for command in commands():
        done = subprocess.run(
            command,
            shell=True,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        printed[command] = shape(done.stdout)
    shown = set(shape(OUTPUT))
    assert shown <= set(printed["make demo"])
    assert shown <= set(printed["docker compose run --rm client"])


def test_every_verb_that_the_readme_names_exists() -> None:
    """A command in the README is one that the Makefile has."""
    verbs = set(re.findall(r"^(\w+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make (\w+)", (ROOT / "README.md").read_text("utf-8"))) <= verbs
