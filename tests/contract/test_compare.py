"""`client compare`, embedded and in Compose, on both loops."""

import json
from collections.abc import Iterator

import pexpect
import pytest

from lab import ROOT
from lab.compose.stack import Stack
from tests.admin_side import AdminSide, Json
from tests.contract.conftest import LAB, Client, run_embedded

HOSTS = ("www.sina.com.cn", "www.sohu.com", "www.163.com")
COUNTING = {"fault": "status", "status": 503, "every": 2, "seed": 7}


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
def test_wrong_usage_is_one_line_and_exit_2(arguments: tuple[str, ...]) -> None:
    """Before anything is asked or fetched."""
    result = run_embedded("compare", *arguments)
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


class Planned:
    """The plans of the tutorial's hosts, of which one counts, and how they were."""

    def __init__(self, stack: Stack) -> None:
        self._admin = AdminSide(stack)
        self._admin.set_plan(HOSTS[1], COUNTING)
        self._admin.fetch(HOSTS[1])
        self._before = self._now()

    def _now(self) -> list[Json]:
        return [self._admin.plan(host) for host in HOSTS]

    def are_as_before(self) -> bool:
        """Whether all plans are what they were, to what they have counted."""
        return self._before[1]["faults"][0]["seen"] == 1 and self._now() == self._before

    def reset(self) -> None:
        """Leave the lab to other tests as it was."""
        self._admin.reset(HOSTS[1])


@pytest.fixture
def planned(stack: Stack) -> Iterator[Planned]:
    """Give one host a plan that counts; the lab is for other tests, too."""
    plans = Planned(stack)
    yield plans
    plans.reset()


@pytest.mark.docker
def test_the_sites_are_as_before_after_it_in_compose(stack: Stack, planned: Planned) -> None:
    """To what their plans had seen; and nothing of these plans was in what was measured."""
    done = stack.run_client(["compare"])
    assert done.returncode == 0, done.stderr
    assert planned.are_as_before()


@pytest.mark.docker
@pytest.mark.parametrize("options", [(), ("-T",)], ids=["terminal", "no terminal inside"])
def test_ctrl_c_leaves_the_sites_as_before_in_compose(stack: Stack, planned: Planned, options: tuple[str, ...]) -> None:
    """The delays are removed before the client ends with exit 130."""
    command = stack.command("run", "--rm", *options, "client", "compare")
    terminal = pexpect.spawn(command[0], command[1:], timeout=60)
    terminal.expect_exact("loop: ")  # from here on it takes two seconds
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
    assert planned.are_as_before()
