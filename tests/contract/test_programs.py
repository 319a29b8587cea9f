"""What the client's programs promise, embedded and in Compose, on both loops."""

import re

import pytest

from lab.compose.stack import Stack
from tests.contract.conftest import Client, Result, run_embedded
from tests.tutorial import DIALOGUE, HEADS, check_wget, printed_head

TUTORIAL_HOSTS = ("www.sina.com.cn", "www.sohu.com", "www.163.com")


def test_without_arguments_the_three_programs_run_in_order(lab: Client, loop: str) -> None:
    """The tour is the tutorial: its heads, its dialogue, and its server met by many users."""
    result = lab("--loop", loop)
    assert result.returncode == 0, result.stderr
    wget, dialogue, figures = result.stdout.partition(DIALOGUE)
    assert dialogue
    check_wget(wget, *TUTORIAL_HOSTS)
    assert re.match(r"users +100\nanswered +100\nwall time +\d", figures)


def test_the_loop_that_runs_is_named_on_stderr(lab: Client, loop: str) -> None:
    """Data is on stdout alone; which loop made it is never a guess."""
    result = lab("pipeline", "--loop", loop)
    assert (result.returncode, result.stdout) == (0, DIALOGUE)
    assert f"loop: {loop}\n" in result.stderr


@pytest.mark.parametrize("edition", ["await", "yield-from"])
def test_each_edition_prints_the_recorded_lines(lab: Client, loop: str, edition: str) -> None:
    """The editions differ in syntax, not in what they do."""
    result = lab("wget", "--edition", edition, "--loop", loop)
    assert result.returncode == 0, result.stderr
    check_wget(result.stdout, *TUTORIAL_HOSTS)


@pytest.mark.parametrize("host", HEADS)
def test_one_host_gives_its_recorded_head(lab: Client, host: str) -> None:
    """Order, case, version and dates are those of 4 December 2016."""
    result = lab("wget", host)
    assert (result.returncode, result.stdout) == (0, f"wget {host}...\n{printed_head(host)}")


def test_an_unknown_host_is_one_line_and_exit_4(lab: Client, loop: str) -> None:
    """The line names the host and the error."""
    result = lab("wget", "no.such.host", "--loop", loop)
    assert (result.returncode, result.stdout) == (4, "wget no.such.host...\n")
    assert len(re.findall(r"^wget no\.such\.host: dns: .+$", result.stderr, re.MULTILINE)) == 1


def test_one_host_of_two_unknown_is_exit_1(lab: Client, loop: str) -> None:
    """The other host is fetched all the same."""
    result = lab("wget", "www.163.com", "no.such.host", "--loop", loop)
    assert result.returncode == 1
    assert printed_head("www.163.com") in result.stdout


def test_a_thousand_users_wait_hardly_longer_than_one(lab: Client, loop: str) -> None:
    """A thousand waits of half a second pass at the same time, not one after another."""
    result = lab("hello", "--users", "1000", "--timeout", "50", "--loop", loop)
    assert result.returncode == 0, result.stderr
    figures = dict(re.findall(r"^(\D+?) +([\d,.]+)(?: s)?$", result.stdout, re.MULTILINE))
    assert figures["answered"] == "1,000"
    assert float(figures["wall time"]) * 20 < float(figures["one after another (reckoned)"].replace(",", ""))


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("wget", "--frobnicate"),
        ("pipeline", "-n", "-1"),
        ("hello", "--users", "many"),
        ("hello", "--timeout", "nan"),
        ("--loop", "trio"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_and_exit_2(arguments: tuple[str, ...]) -> None:
    """The line says what is wrong and where help is."""
    check_wrong_usage(run_embedded(*arguments))


@pytest.mark.docker
def test_wrong_usage_is_the_same_through_compose(stack: Stack) -> None:
    """The line comes on stderr, beside what Compose says, and the exit code is the client's."""
    check_wrong_usage(stack.run_client(["wget", "--frobnicate"]))


def check_wrong_usage(result: Result) -> None:
    """Check that a program said in one line what is wrong, and nothing on stdout."""
    assert (result.returncode, result.stdout) == (2, "")
    lines = [line for line in result.stderr.splitlines() if line and "Container" not in line]
    assert len(lines) == 1
    assert "(see " in lines[0]


def test_more_users_than_open_files_is_one_line_that_names_the_limit(lab: Client) -> None:
    """Before any connection is made."""
    result = lab("hello", "--users", "1000000")
    assert result.returncode == 2
    assert re.search(
        r"^client: 1,000,000 users .* limit of [\d,]+ .* ask for [\d,]+ users at most$|^lab: 1,0.*most$",
        result.stderr,
        re.MULTILINE,
    )
