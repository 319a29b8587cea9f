"""What a page may ask for: every value is checked, and every command line is one that the client takes."""

import itertools

import pytest

from services.client.cli import understand
from services.client.defaults import IN_CONTAINER as CLIENT_IN_CONTAINER
from services.client.settings import TUTORIAL_HOSTS as CLIENT_HOSTS
from services.watch.responses import Refused
from services.watch.runs.options import Choice, Value
from services.watch.runs.programs import MAX_TARGETS, TUTORIAL_HOSTS, Program, programs
from services.watch.settings import IN_CONTAINER

HOSTS = ("www.163.com", "www.sohu.com", "www.sina.com.cn", "a_b.test")
PROGRAMS = programs(has_broker=True)
LONG = "http://www.163.com/" + "x" * 3_000


def choices(program: Program) -> list[dict[str, Value]]:
    """Return every combination of the choices of a program."""
    listed = [[(each.name, word) for word in each.choices] for each in program.options if isinstance(each, Choice)]
    return [dict(each) for each in itertools.product(*listed)]


CASES = {
    f"{name} {' '.join(map(str, given.values()))}": (program, given)
    for name, program in PROGRAMS.items()
    for given in choices(program)
}


@pytest.mark.parametrize(("program", "given"), CASES.values(), ids=CASES.keys())
def test_the_client_takes_each_command_line(program: Program, given: dict[str, Value]) -> None:
    """With every choice, and as a person types it: the options are the client's own, and do not contradict."""
    line = program.line(program.read(given, lambda: HOSTS))
    for words in (line.with_options(), line.for_a_person()):
        invocation = understand(words, default_loop="asyncio", joins=True)
        invocation.check()
        assert invocation.loop == given["loop"]


def test_targets_are_never_options() -> None:
    """They stand behind `--` where the server starts the client."""
    line = PROGRAMS["wget"].line(PROGRAMS["wget"].read({"targets": ["https://www.163.com/-i"]}, lambda: HOSTS))
    assert line.with_options("--trace", "F") == [
        *("wget", "--ca", "lab", "--loop", "asyncio", "--trace", "F", "--", "https://www.163.com/-i")
    ]


def test_without_a_broker_there_is_no_edition_that_needs_one() -> None:
    with pytest.raises(Refused, match="edition: 'jetstream' is not one of queue, generator"):
        programs(has_broker=False)["pipeline"].read({"edition": "jetstream"}, lambda: HOSTS)


@pytest.mark.parametrize(
    "target",
    [
        "www.163.com",
        "WWW.163.com.",
        "http://www.163.com",
        "https://www.sohu.com:443/a?b=c&d=%20",
        "http://www.sohu.com:80/",
        "a_b.test/path",
    ],
)
def test_targets_of_the_lab_are_taken_as_they_are(target: str) -> None:
    assert PROGRAMS["wget"].read({"targets": [target]}, lambda: HOSTS)["targets"] == [target]


REFUSED: dict[str, tuple[str, object, str]] = {
    "options that are no object": ("wget", ["loop"], "options: give an object"),
    "an unknown option": ("hello", {"user": 1}, "hello has no option 'user': it has users, loop"),
    "a loop that is none": ("hello", {"loop": "trio"}, "loop: 'trio' is not one of asyncio, uvloop"),
    "a loop of another type": ("hello", {"loop": ["asyncio"]}, "loop: "),
    "too many users": ("hello", {"users": 1_001}, "users: 1001 is not a whole number from 1 to 1,000"),
    "no user": ("hello", {"users": 0}, "users: 0 is not a whole number"),
    "users as a truth": ("hello", {"users": True}, "users: True is not a whole number"),
    "users as a fraction": ("hello", {"users": 1.5}, "users: 1.5 is not a whole number"),
    "users as text": ("hello", {"users": "5"}, "users: '5' is not a whole number"),
    "too many items": ("pipeline", {"n": 10_001}, "n: 10001 is not a whole number from 1 to 10,000"),
    "no targets": ("wget", {"targets": []}, f"targets: give a list of 1 to {MAX_TARGETS} hosts"),
    "too many targets": ("wget", {"targets": ["www.163.com"] * (MAX_TARGETS + 1)}, "targets: give a list"),
    "targets as text": ("wget", {"targets": "www.163.com"}, "targets: give a list"),
    "a host outside of the lab": ("wget", {"targets": ["example.org"]}, "'example.org' is no host of the lab"),
    "an address": ("wget", {"targets": ["http://127.0.0.1/"]}, "'127.0.0.1' is no host of the lab"),
    "loopback over IPv6": ("wget", {"targets": ["http://[::1]/"]}, "is no host, and no http"),
    "another port": ("wget", {"targets": ["www.163.com:8081"]}, "is no host, and no http"),
    "the port of another scheme": ("wget", {"targets": ["www.163.com:443"]}, "has the port of another scheme"),
    "https at the port of http": ("wget", {"targets": ["https://www.163.com:80"]}, "has the port of another scheme"),
    "another scheme": ("wget", {"targets": ["file:///etc/passwd"]}, "is no host, and no http"),
    "user information": ("wget", {"targets": ["http://www.163.com@evil.example/"]}, "is no host, and no http"),
    "an option": ("wget", {"targets": ["--output=/tmp/x"]}, "is no host, and no http"),
    "a new line": ("wget", {"targets": ["www.163.com\n"]}, "is no host, and no http"),
    "a blank in a path": ("wget", {"targets": ["www.163.com/a b"]}, "is no host, and no http"),
    "mark-up": ("wget", {"targets": ["<script>"]}, "is no host, and no http"),
    "a number": ("wget", {"targets": [1]}, "is no host, and no http"),
    "a long URL": ("wget", {"targets": [LONG]}, "is no host, and no http"),
}


@pytest.mark.parametrize(("program", "given", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_is_refused(program: str, given: object, reason: str) -> None:
    """In one line, with status 400."""
    with pytest.raises(Refused) as refused:
        PROGRAMS[program].read(given, lambda: HOSTS)
    assert refused.value.status == 400
    assert reason in refused.value.reason


def test_what_both_services_say_is_the_same() -> None:
    """No service imports another, so two names stand in both."""
    assert IN_CONTAINER == CLIENT_IN_CONTAINER
    assert tuple(TUTORIAL_HOSTS) == CLIENT_HOSTS
