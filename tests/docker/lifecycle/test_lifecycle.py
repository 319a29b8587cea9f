"""The lab starts once, stops completely, and says why when it cannot start."""

import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from python_on_whales import DockerClient

from lab import ROOT
from lab.compose.errors import LabNotHealthy, PortTaken, TooSlow
from lab.compose.stack import Stack
from tests.contract.conftest import LAB
from tests.stacks import image_of, reread, stack_of
from tests.trees import copied_tree

PROJECT = "asynclab-test-lifecycle"
SERVICES = ("broker", "gateway", "hello", "sina", "sohu", "netease", "recorded", "watch", "worker")
CONTAINERS = len(SERVICES) + 1  # two workers

pytestmark = pytest.mark.timeout(180)  # a fixture starts a lab from two terminals


@pytest.fixture
def fresh(engine: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Have a project with nothing in it yet."""
    monkeypatch.setenv("HELLO_PORT", "0")
    monkeypatch.setenv("GATEWAY_PORT", "0")
    monkeypatch.setenv("WATCH_PORT", "0")
    stack = stack_of(PROJECT)
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


@dataclass(frozen=True, slots=True)
class Running:
    """A lab that two people have started at once, with the exit code of each, and what each was told."""

    lab: Stack
    codes: list[int]
    said: list[str]


@pytest.fixture(scope="module")
def running(engine: None) -> Iterator[Running]:
    """Start a lab from two terminals at once. It is for several tests, and each of them lets `up` mend it first."""
    with pytest.MonkeyPatch.context() as patch:
        for port in ("HELLO_PORT", "GATEWAY_PORT", "WATCH_PORT"):
            patch.setenv(port, "0")
        lab = stack_of(f"{PROJECT}-running")
        lab.down()
        command = [str(LAB), "up", "--project", lab.project]
        try:
            both = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(2)]
            said = [process.communicate(timeout=240)[1] for process in both]
            yield Running(lab, [process.returncode for process in both], said)
        finally:
            lab.down()


def test_two_at_once_take_turns(running: Running) -> None:
    """Both end well, one waits and says so, and there is one lab."""
    assert running.codes == [0, 0], running.said
    assert sum("waiting for it" in each for each in running.said) == 1, running.said
    assert len(identities(running.lab)) == CONTAINERS


def test_up_again_recreates_nothing(running: Running) -> None:
    """What already runs as it should is left alone."""
    before = identities(running.lab)
    assert len(before) == CONTAINERS
    reread(running.lab).up(print)
    assert identities(running.lab) == before


def test_a_worker_that_dies_takes_hello_down_and_the_engine_starts_it_again(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor ends with exit code 1, and all workers start again."""
    monkeypatch.setenv("HELLO_WORKERS", "2")
    lab = reread(running.lab)
    lab.up(print)
    (before,) = (each for each in lab.services() if each.service == "hello")
    killed = lab.run_compose("exec", "-T", "hello", "python3", "-c", KILL_A_WORKER)
    assert killed.returncode == 0, killed.stderr
    while True:  # the test has a deadline
        (now,) = (each for each in lab.services() if each.service == "hello")
        if now.restarts > before.restarts and now.is_healthy:
            break
    logs = lab.run_compose("logs", "hello").stdout
    assert "a worker ended by itself: exit codes" in logs
    answer = lab.run_client(["hello", "--users", "20"])
    assert answer.returncode == 0, answer.stderr


KILL_A_WORKER = """
import os, pathlib, signal
for process in pathlib.Path("/proc").glob("[0-9]*"):
    if b"HELLO_IS_WORKER=1" in (process / "environ").read_bytes().split(b"\\0"):
        os.kill(int(process.name), signal.SIGKILL)
        break
"""


def test_down_leaves_nothing_even_with_a_client_running_and_no_service_is_killed(running: Running) -> None:
    """Every service ends within its grace period: a killed one would have 137."""
    lab = reread(running.lab)
    lab.up(print)
    client = subprocess.Popen(
        lab.command("run", "--rm", "-T", "client", "hello", "--users", "1000", "--timeout", "3600"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    with client:
        deaths = watch_deaths(lab)
        while not client_containers(lab):
            assert client.poll() is None, "the client ended before it was seen"
        lab.down()
        assert left_behind(lab) == []
        lab.down()
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


@pytest.fixture
def own_tree(engine: None, tmp_path: Path) -> Iterator[Stack]:
    """Have a project with nothing in it yet, made from a tree whose services a test may change."""
    stack = stack_of(PROJECT, copied_tree(tmp_path))
    stack.down()
    yield stack
    stack.down()


BROKEN = 'raise SystemExit("no, thank you")\n'


def test_a_service_that_fails_is_named_with_its_last_lines_and_nothing_is_left(own_tree: Stack) -> None:
    """The engine restarts it each time; `up` names the service and its last lines all the same."""
    (own_tree.root / "services/hello/__main__.py").write_text(BROKEN)
    with pytest.raises(LabNotHealthy, match=r"^not healthy: .*hello") as failure:
        reread(own_tree).up(print)
    assert "  no, thank you" in failure.value.evidence
    assert left_behind(own_tree) == []


def test_a_failed_lab_is_kept_where_that_was_asked_for(own_tree: Stack) -> None:
    """`lab up --keep`, to look at the containers."""
    (own_tree.root / "services/hello/__main__.py").write_text(BROKEN)
    with pytest.raises(LabNotHealthy):
        reread(own_tree).up(print, keep=True)
    assert left_behind(own_tree)


def test_a_lab_that_does_not_become_healthy_in_time_is_taken_down(
    fresh: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without health checks its services are neither healthy nor failed: `up` has its own deadline."""
    monkeypatch.setenv("HEALTH_INTERVAL", "1000h")
    with pytest.raises(TooSlow, match=r"^not healthy in 5 s: .*hello.*sina") as failure:
        reread(fresh).up(print, timeout_s=5)
    assert failure.value.exit_code == 1
    assert any("its last lines" in line for line in failure.value.evidence)
    assert left_behind(fresh) == []


def test_a_port_in_use_is_one_line_that_says_what_to_do(fresh: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2, and no container is left."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("HELLO_PORT", str(taken.getsockname()[1]))
        with pytest.raises(
            PortTaken, match=r"^127\.0\.0\.1:\d+ is in use: set HELLO_PORT in \.env to a free port$"
        ) as refused:
            reread(fresh).up(print)
    assert refused.value.exit_code == 2
    assert left_behind(fresh) == []


def test_a_recording_that_cannot_be_played_keeps_its_site_from_being_ready(stack: Stack, tmp_path: Path) -> None:
    """/readyz and the log name the file and the reason."""
    tmp_path.chmod(0o755)
    (tmp_path / "www.empty.test.http").write_bytes(b"")
    client = stack.client()
    site = client.run(
        image_of(stack, "sites"),
        detach=True,
        remove=True,
        volumes=[(tmp_path, "/recordings", "ro")],
        envs={"SITES_RECORDINGS": "/recordings", "SITES_PORT": "8080"},
    )
    try:
        ask = "python3 -m services.runtime.serving.healthcheck 8081"
        probe = client.container.execute(site, ["sh", "-c", f"until {ask} | grep .; do :; done; {ask} || echo unready"])
        assert str(probe).endswith("www.empty.test.http: is empty\nunready")
        assert "not ready: recording www.empty.test.http: is empty" in client.container.logs(site)
    finally:
        client.container.stop(site)
