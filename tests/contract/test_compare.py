"""`client compare`, embedded and in Compose, on both loops."""

import json
from collections.abc import Iterator, Mapping

import pexpect
import pytest

from lab import ROOT
from lab.compose.stack import Stack
from tests.contract.conftest import LAB, Client

HOSTS = ("www.sina.com.cn", "www.sohu.com", "www.163.com")
COUNTING = {"faults": [{"fault": "status", "status": 503, "every": 2, "seed": 7}]}


@pytest.mark.alone
@pytest.mark.parametrize("what", ["wget", "hello"])
def test_at_once_takes_a_fraction_of_the_time(lab: Client, loop: str, what: str) -> None:
    """The recording has every wait, and the loop's name."""
    result = lab("compare", what, "--loop", loop, "--format", "json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["what"], found["loop"]) == (what, loop)
    assert found["ratio"] > 1.5
    assert "cannot be asked" not in result.stderr
    for run in found["runs"]:
        assert all(run["done"].values())
        assert run["recording"]["dropped"] == {"tasks": 0, "slices": 0, "phases": 0}


@pytest.mark.parametrize("what", ["wget", "hello", "pipeline"])
def test_the_picture_is_all_that_is_on_stdout(lab: Client, loop: str, what: str) -> None:
    """Of 80 columns at most in a pipe, and without colour."""
    result = lab("compare", what, "--loop", loop)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("one after another: ")
    assert max(map(len, lines)) <= 80
    assert f"times as fast, on {loop}." in " ".join(result.stdout.split())
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [("frob",), ("wget", "hello"), ("--users", "3"), ("hello", "--users", "0"), ("--format", "csv")],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_and_exit_2(lab: Client, arguments: tuple[str, ...]) -> None:
    """Before anything is asked or fetched."""
    result = lab("compare", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    said = [line for line in result.stderr.splitlines() if "compare" in line]
    assert len(said) == 1


def test_ctrl_c_ends_it_embedded() -> None:
    """Exit 130, with no traceback."""
    terminal = pexpect.spawn(str(LAB), ["embedded", "compare"], cwd=ROOT, timeout=30, encoding="utf-8")
    terminal.expect_exact("loop: ")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
    assert "Traceback" not in (terminal.before or "")


def plans(stack: Stack) -> list[Mapping[str, object]]:
    """Return the plan of each tutorial host as it is."""
    return [json.loads(stack.run_client(["faults", "list", host, "--format", "json"]).stdout) for host in HOSTS]


@pytest.fixture
def planned(stack: Stack) -> "Iterator[list[Mapping[str, object]]]":
    """Give one host a plan that counts, and return the plans of all; the lab is for other tests, too."""
    done = stack.run_client(["faults", "set", HOSTS[1], "--plan", json.dumps(COUNTING)])
    assert done.returncode == 0, done.stderr
    assert stack.run_client(["wget", HOSTS[1]]).returncode == 0
    yield plans(stack)
    assert stack.run_client(["faults", "clear", HOSTS[1]]).returncode == 0


@pytest.mark.docker
def test_the_sites_are_as_before_after_it_in_compose(stack: Stack, planned: list[Mapping[str, object]]) -> None:
    """To what their plans had seen; and nothing of these plans was in what was measured."""
    done = stack.run_client(["compare"])
    assert done.returncode == 0, done.stderr
    assert plans(stack) == planned


@pytest.mark.docker
@pytest.mark.parametrize("options", [(), ("-T",)], ids=["terminal", "no terminal inside"])
def test_ctrl_c_leaves_the_sites_as_before_in_compose(
    stack: Stack, planned: list[Mapping[str, object]], options: tuple[str, ...]
) -> None:
    """The delays are removed before the client ends with exit 130."""
    command = stack.command("run", "--rm", *options, "client", "compare")
    terminal = pexpect.spawn(command[0], command[1:], timeout=60)
    terminal.expect_exact("loop: ")  # from here on it takes two seconds
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
    assert plans(stack) == planned
