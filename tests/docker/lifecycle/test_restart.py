"""A service that is killed starts again: each is killed under load, and a client sees only a few failed fetches."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

import pytest

from lab.compose import containers
from lab.compose.containers import Container
from lab.compose.stack import Stack
from tests.admin_side import AdminSide

TARGETS = 1_500
RATE = 150
SITES = {"sina": "www.sina.com.cn", "sohu": "www.sohu.com", "netease": "www.163.com"}
SEEN_OF_A_DEATH = {"refused", "reset", "closed", "truncated_head", "dns", "unreachable", "connect_timeout"}
DELAY = {"fault": "delay", "seconds": 0.01}
PLAN = ({"fault": "status", "status": 503, "seed": 1}, DELAY | {"ttl_s": 0.001})

pytestmark = pytest.mark.timeout(180)


def container_of(stack: Stack, service: str) -> Container:
    """Return the container of a service."""
    (found,) = (each for each in stack.services() if each.service == service)
    return found


class NotRunning(Exception):
    """A container has no process to kill."""


def kill(container: Container) -> Container:
    """Kill a container's first process, as the kernel does without memory; after `docker kill`, it would stay down.

    Raises NotRunning.
    """
    inspect = ("docker", "container", "inspect", "--format", "{{.State.Pid}}", container.id)
    pid = int(subprocess.run(inspect, capture_output=True, text=True, check=True).stdout)
    if not pid:  # as a process, 0 would be this one and all of its group
        raise NotRunning(container.id)
    try:
        os.kill(pid, signal.SIGKILL)
    except (PermissionError, ProcessLookupError):
        pytest.skip("the engine's processes are not this user's to kill")
    return container


def await_again(stack: Stack, before: Container) -> None:
    """Return when the engine has started a container again and it is healthy; the test has a deadline."""
    while True:
        (now,) = (each for each in stack.services() if each.id == before.id)
        if now.restarts > before.restarts and now.is_healthy:
            return


def test_a_site_that_was_killed_answers_again_with_its_plan(stack: Stack) -> None:
    """Of 1,500 fetches at 150 a second some fail, each with its class of error, and the last ones are answered.

    The sites are one program in one image; that the others keep their plans is shown where all are killed.
    """
    host, admin = SITES["sohu"], AdminSide(stack)
    admin.set_plan(host, *PLAN)
    try:
        records = survey_while(stack, host, "sohu")
        assert len(records) == TARGETS
        failed = [record["error"] for record in records if record["error"]]
        assert set(failed) <= SEEN_OF_A_DEATH
        assert len(failed) < TARGETS / 2
        assert {record["status"] for record in records if not record["error"]} == {503}
        assert [record["error"] for record in records[-20:]] == [None] * 20
        assert kept_faults(admin, host) == ["status"]
    finally:
        admin.reset(host)
    again = stack.run_client(["wget", host])
    assert again.returncode == 0, again.stderr


def kept_faults(admin: AdminSide, host: str) -> Sequence[str]:
    """Return the faults of a plan that was set at run time."""
    plan = admin.plan(host)
    assert plan["source"] == "admin"
    return [rule["fault"] for rule in plan["faults"]]


def survey_while(stack: Stack, host: str, service: str) -> Sequence[Mapping[str, object]]:
    """Survey one host again and again, kill its site at the first answer, and return all records once it is healthy."""
    words = ("wget", "-i", "-", "--format", "jsonl", "--quiet", "-c", "20", "--per-host", "20", "--rate", str(RATE))
    deadlines = ("--timeout", "5", "--connect-timeout", "1")
    with client(stack, *words, *deadlines) as survey:
        assert survey.stdin
        assert survey.stdout
        survey.stdin.write(f"http://{host}/\n" * TARGETS)
        survey.stdin.close()
        first = survey.stdout.readline()
        before = kill(container_of(stack, service))
        rest = survey.stdout.readlines()
    await_again(stack, before)
    return [json.loads(line) for line in (first, *rest)]


def client(stack: Stack, *words: str) -> "subprocess.Popen[str]":
    """Start a client in its container."""
    command = stack.command("run", "--rm", "-T", "client", *words)
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def await_loop(client: "subprocess.Popen[str]") -> None:
    """Return when a client says that its loop runs."""
    assert client.stderr
    assert any(line.startswith("loop: ") for line in client.stderr)


def test_hello_that_was_killed_answers_again(stack: Stack) -> None:
    """Only users at the moment of the kill get no answer."""
    with client(stack, "hello", "--users", "50", "--timeout", "20") as users:
        await_loop(users)
        before = kill(container_of(stack, "hello"))
        users.communicate()
        assert users.returncode in {0, 1, 4}  # some, or none, were answered before
    await_again(stack, before)
    again = stack.run_client(["hello", "--users", "50"])
    assert again.returncode == 0, again.stderr


def test_all_killed_at_once_come_back_by_themselves(stack: Stack) -> None:
    """As after a restart of the engine: without any command, and unchanged, each site with its plan."""
    admin = AdminSide(stack)
    for host in SITES.values():
        admin.set_plan(host, DELAY)
    before = [kill(each) for each in stack.services()]
    for each in before:
        await_again(stack, each)
    done = stack.run_client([])
    assert done.returncode == 0, done.stderr
    again = AdminSide(stack)  # an engine may publish the gateway at another port
    for host in SITES.values():
        assert kept_faults(again, host) == ["delay"]
        again.reset(host)
    assert not [each for each in containers.of_project(stack.project) if each.one_off]
