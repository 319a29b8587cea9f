"""Containers as the engine lists them, and what `up` concludes from them."""

import json

import pytest

from lab.compose import containers
from lab.compose.containers import DEATHS, Container, failing, healthy
from lab.compose.errors import ComposeRefused
from lab.docker.errors import EngineSilent
from lab.subprocesses import TIMED_OUT, Outcome
from tests.lab.answers import Programs

FACTS = {
    "Id": "abc",
    "Name": "/p-hello-1",
    "Image": "sha256:1",
    "Created": "2016-12-04T14:31:37.123456789Z",
    "RestartCount": 2,
    "Config": {"Labels": {"com.docker.compose.service": "hello", "com.docker.compose.oneoff": "False"}},
    "HostConfig": {"PortBindings": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8000"}]}},
    "NetworkSettings": {"Ports": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8000"}], "80/tcp": None}},
    "State": {
        "Status": "running",
        "ExitCode": 0,
        "Health": {"Status": "starting", "Log": [{"ExitCode": 1, "Output": f"no {n}\n"} for n in range(5)]},
    },
}
LIST = "docker ps --all --quiet"


def made(**changes: object) -> Container:
    """Return a healthy container, with some changes."""
    well = {"service": "hello", "id": "abc", "image": "i", "status": "running", "exit_code": 0, "restarts": 0}
    rest = {"health": "healthy", "checks": (), "ports": frozenset(), "one_off": False}
    return Container(**{**well, **rest, **changes})  # type: ignore[arg-type]


def test_reads_what_the_engine_tells() -> None:
    """Service, state, health with its last output, ports of the host."""
    programs = Programs({LIST: Outcome(0, "abc\n"), "docker container inspect abc": Outcome(0, json.dumps([FACTS]))})
    (found,) = containers.of_project("p", run=programs)
    assert (found.service, found.restarts, found.health, found.ports) == ("hello", 2, "starting", frozenset({8000}))
    assert found.created == pytest.approx(1480861897.123456)
    assert found.checks == ((1, "no 2"), (1, "no 3"), (1, "no 4"))
    assert not found.is_healthy
    assert not found.has_failed


def test_a_container_that_was_removed_meanwhile_is_no_error() -> None:
    """It was listed a moment ago."""
    gone = Outcome(1, json.dumps([FACTS]), "Error response from daemon: No such container: xyz\n")
    programs = Programs({LIST: Outcome(0, "abc\nxyz\n"), "docker container inspect": gone})
    assert len(containers.of_project("p", run=programs)) == 1


def test_an_engine_that_does_not_answer_is_said_to_be_silent() -> None:
    """Each call has a deadline; an engine that refuses is no empty lab."""
    with pytest.raises(EngineSilent):
        containers.of_project("p", run=Programs({LIST: Outcome(TIMED_OUT)}))
    with pytest.raises(ComposeRefused, match="permission denied"):
        containers.of_project("p", run=Programs({LIST: Outcome(1, err="permission denied\n")}))


@pytest.mark.parametrize(
    ("container", "well", "fails"),
    [
        (made(), True, False),
        (made(health=""), True, False),
        (made(health="", restarts=1), False, False),
        (made(health="starting"), False, False),
        (made(status="restarting", health=""), False, False),
        (made(health="unhealthy"), False, True),
        (made(status="exited", health=""), False, True),
        (made(status="dead", health=""), False, True),
        (made(restarts=DEATHS - 1), True, False),
        (made(restarts=DEATHS), False, True),
    ],
    ids=[
        "well",
        "no check",
        "no check, died once",
        "starting",
        "restarting",
        "unhealthy",
        "exited",
        "dead",
        "died twice",
        "died thrice",
    ],
)
def test_when_a_start_has_failed(container: Container, well: bool, fails: bool) -> None:
    """A service that the engine starts again and again is not waited for: it died as often as it may."""
    assert healthy([container], {}) is well
    assert bool(failing([container], {})) is fails


def test_what_died_before_this_start_does_not_count() -> None:
    """A lab may have run for days."""
    assert healthy([made(restarts=9)], {"abc": 8})
    assert healthy([made(restarts=9, health="")], {"abc": 9})
    assert not healthy([], {})
