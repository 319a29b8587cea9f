"""The lab comes up once, goes down whole, and says why when it cannot."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from python_on_whales import DockerClient

from lab.errors import ComposeRefused, LabNotHealthy, PortTaken
from lab.stack import Stack

PROJECT = "asynclab-test-lifecycle"
SERVICES = ("gateway", "hello", "sina", "sohu", "netease")


@pytest.fixture
def fresh(engine: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Have a project with nothing in it yet."""
    monkeypatch.setenv("HELLO_PORT", "0")
    stack = Stack(PROJECT)
    stack.down()
    yield stack
    monkeypatch.undo()
    stack.down()


def left_behind(stack: Stack) -> list[str]:
    """Return every container, network and volume with the project's label."""
    client = DockerClient()
    ours = f"com.docker.compose.project={stack.project}"
    return [
        *(container.name for container in client.container.list(all=True, filters=[("label", ours)])),
        *(network.name for network in client.network.list(filters=[("label", ours)])),
        *(volume.name for volume in client.volume.list(filters=[("label", ours)])),
    ]


def identities(stack: Stack) -> dict[str, str]:
    """Return the id of each container, by name."""
    return {container.name: container.id for container in stack.client().compose.ps(all=True)}


def test_up_twice_recreates_nothing(fresh: Stack) -> None:
    """What already runs as it should is left alone."""
    fresh.up(print)
    before = identities(fresh)
    assert len(before) == len(SERVICES)
    fresh.up(print)
    assert identities(fresh) == before


def test_down_leaves_nothing_even_with_a_client_running_and_no_service_is_killed(fresh: Stack) -> None:
    """Every service ends itself inside its grace period: 137 would say that it was killed."""
    fresh.up(print)
    running = subprocess.Popen(
        fresh.command("run", "--rm", "-T", "client", "hello", "--users", "1000", "--timeout", "3600"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    with running:
        deaths = watch_deaths(fresh)
        while not client_containers(fresh):
            assert running.poll() is None, "the client ended before it was seen"
        fresh.down()
        assert left_behind(fresh) == []
        fresh.down()
        deaths.terminate()
        codes = dict(line.split() for line in (deaths.communicate()[0]).splitlines())
    assert {service: codes.get(service) for service in SERVICES} == dict.fromkeys(SERVICES, "0")
    assert "137" not in codes.values()


def watch_deaths(stack: Stack) -> "subprocess.Popen[str]":
    """Start to watch how containers end, as the engine tells it: a line each, service and exit code."""
    return subprocess.Popen(
        [
            *("docker", "events", "--filter", f"label=com.docker.compose.project={stack.project}"),
            *("--filter", "event=die"),
            *("--format", '{{index .Actor.Attributes "com.docker.compose.service"}} {{.Actor.Attributes.exitCode}}'),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


def client_containers(stack: Stack) -> list[str]:
    """Return the client containers that run."""
    found = DockerClient().container.list(
        filters=[
            ("label", f"com.docker.compose.project={stack.project}"),
            ("label", "com.docker.compose.oneoff=True"),
        ]
    )
    return [container.name for container in found]


def test_a_service_that_fails_is_named_with_its_last_lines_and_nothing_is_left(
    fresh: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person sees which service it was and what it said, without another command."""
    monkeypatch.setenv("HELLO_DELAY_S", "soon")
    with pytest.raises(LabNotHealthy, match=r"^not healthy: hello:") as failure:
        fresh.up(print)
    assert any("HELLO_DELAY_S='soon' is not a number from 0 to 3600" in line for line in failure.value.evidence)
    assert left_behind(fresh) == []


def test_a_failed_lab_is_kept_where_that_was_asked_for(fresh: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lab up --keep`, for a person who wants to look inside."""
    monkeypatch.setenv("HELLO_DELAY_S", "soon")
    with pytest.raises(LabNotHealthy):
        fresh.up(print, keep=True)
    assert left_behind(fresh)


def test_a_port_in_use_is_one_line_that_says_what_to_do(fresh: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2, and nothing half-started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("HELLO_PORT", str(taken.getsockname()[1]))
        with pytest.raises(
            PortTaken, match=r"^127\.0\.0\.1:\d+ is in use: set HELLO_PORT in \.env to a free port$"
        ) as refused:
            fresh.up(print)
    assert refused.value.exit_code == 2
    assert left_behind(fresh) == []


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [("HELLO_PORT", "abc", "invalid port specification"), ("HEALTH_INTERVAL", "fast", "invalid duration")],
)
def test_a_setting_that_compose_refuses_is_one_line_that_names_it(
    fresh: Stack, monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    """Exit code 2, and nothing half-started."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ComposeRefused, match=f'{reason}.*"{value}"') as refused:
        fresh.up(print)
    assert refused.value.exit_code == 2
    monkeypatch.undo()
    assert left_behind(fresh) == []


def test_a_recording_that_cannot_be_played_keeps_its_site_from_being_ready(stack: Stack, tmp_path: Path) -> None:
    """/readyz and the log name the file and the reason."""
    tmp_path.chmod(0o755)
    (tmp_path / "www.empty.test.http").write_bytes(b"")
    client = stack.client()
    site = client.run(
        "asynclab/sites:latest",
        detach=True,
        remove=True,
        volumes=[(tmp_path, "/recordings", "ro")],
        envs={"SITES_RECORDINGS": "/recordings", "SITES_PORT": "8080"},
    )
    try:
        ask = "python3 -m services.runtime.probe 8081"
        probe = client.container.execute(site, ["sh", "-c", f"until {ask} | grep .; do :; done; {ask} || echo unready"])
        assert str(probe).endswith("www.empty.test.http: is empty\nunready")
        assert "not ready: recording www.empty.test.http: is empty" in client.container.logs(site)
    finally:
        client.container.stop(site)
