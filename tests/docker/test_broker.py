"""The broker in its container: it demands the lab's password, keeps its streams, and workers wait for it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.compose import broker_password
from lab.compose.errors import LabNotHealthy, PasswordFileUnusable
from lab.compose.stack import Stack
from tests.docker.lifecycle.test_restart import await_again, container_of, kill
from tests.stacks import reread, stack_of
from tests.trees import copied_tree

PROJECT = "asynclab-test-broker"
ERASE_LINE = "\x1b[2K"  # Compose writes it ahead of what is logged
LOGIN = """
import json, socket, sys
def answer(user, password):
    connection = socket.create_connection(("broker", 4222), timeout=10)
    login = json.dumps({"user": user, "pass": password, "verbose": False})
    connection.sendall(f"CONNECT {login}\\r\\nPING\\r\\n".encode())
    said = b""
    while b"PONG" not in said and (block := connection.recv(4096)):
        said += block
    return "PONG" in said.decode()
password = open("/run/secrets/broker_password").read()
print(json.dumps([answer(*each) for each in (("", ""), ("asynclab", ""), ("asynclab", password[:-1]),
                                             ("root", password), ("asynclab", password))]))
"""
KEEP = """
import asyncio, nats, sys
async def main():
    password = open("/run/secrets/broker_password").read()
    client = await nats.connect("nats://broker:4222", user="asynclab", password=password)
    streams = client.jetstream()
    if sys.argv[1] == "put":
        await streams.add_stream(name="KEPT", subjects=["kept"])
        for number in range(10):
            await streams.publish("kept", b"%d" % number)
    print((await streams.stream_info("KEPT")).state.messages)
    if sys.argv[1] == "remove":
        await streams.delete_stream("KEPT")
    await client.close()
asyncio.run(main())
"""
PAGES = """
from urllib.request import urlopen
password = open("/run/secrets/broker_password").read()
names = ("healthz", "varz", "connz", "jsz")
pages = [urlopen(f"http://broker:8222/{name}", timeout=10).read().decode() for name in names]
print([password in page for page in pages], '"status":"ok"' in pages[0])
"""

pytestmark = pytest.mark.timeout(180)


def in_client(stack: Stack, program: str, *words: str) -> str:
    """Run a program in the client's container, and return what it printed."""
    done = stack.run_compose("run", "--rm", "-T", "--entrypoint", "python3", "client", "-c", program, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def compose(stack: Stack, *words: str) -> str:
    """Run Compose, which succeeds, and return what it printed."""
    done = stack.run_compose(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def await_lines(stack: Stack, service: str, words: str, count: int) -> None:
    """Return when a service has logged so many lines with these words; the test has a deadline."""
    follow = stack.command("logs", "--follow", "--no-log-prefix", service)
    with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as logs:
        assert logs.stdout
        try:
            while count:
                count -= words in logs.stdout.readline()
        finally:
            logs.terminate()


def ledger_of(stack: Stack, items: int) -> dict[str, object]:
    """Run the jetstream edition on so many numbers, and return its ledger: each has one result."""
    done = stack.run_client(["pipeline", "--edition", "jetstream", "-n", str(items), "--format", "json"])
    assert done.returncode == 0, done.stderr
    *results, ledger = map(json.loads, done.stdout.splitlines())
    assert {result["id"] for result in results} == set(range(1, items + 1))
    found: dict[str, object] = ledger
    return found


def test_no_login_without_the_password(stack: Stack) -> None:
    """Nor with another user's name."""
    assert json.loads(in_client(stack, LOGIN)) == [False, False, False, False, True]


def test_its_pages_are_there_for_clients_and_do_not_show_the_password(stack: Stack) -> None:
    """Health, settings, connections and streams."""
    assert in_client(stack, PAGES) == "[False, False, False, False] True"


def test_streams_outlive_a_restart_and_a_kill(stack: Stack) -> None:
    """They are in a volume, and what was acknowledged is on the disk."""
    assert in_client(stack, KEEP, "put") == "10"
    before = container_of(stack, "broker")
    kill(before)
    await_again(stack, before)
    assert in_client(stack, KEEP, "look") == "10"
    compose(stack, "up", "--detach", "--no-build", "--force-recreate", "--no-deps", "--wait", "broker")
    assert container_of(stack, "broker").id != before.id
    assert in_client(stack, KEEP, "remove") == "10"


def test_more_workers_need_nothing_else(stack: Stack) -> None:
    """`docker compose up -d --scale worker=4`, and all of them share the jobs."""
    try:
        compose(stack, "up", "--detach", "--no-build", "--scale", "worker=4", "worker")
        workers = [each for each in stack.services() if each.service == "worker"]
        assert len(workers) == 4
        names: set[str] = set()
        while len(names) < 4:  # the test has a deadline: a worker that has just started may miss a run
            shares = ledger_of(stack, 500)["workers"]
            assert isinstance(shares, dict)
            names |= shares.keys()
        assert {each.id[:12] for each in workers} == {name.partition("-")[0] for name in names}
    finally:
        compose(stack, "up", "--detach", "--no-build", "--scale", "worker=2", "worker")


def test_a_worker_waits_for_its_broker(stack: Stack) -> None:
    """It neither ends nor says more than a line, and goes on when the broker is there. A client does not wait long."""
    compose(stack, "stop", "broker")
    try:
        compose(stack, "up", "--detach", "--no-build", "--force-recreate", "--no-deps", "worker")
        await_lines(stack, "worker", "waiting for the broker", 2)
        asked = stack.run_client(["pipeline", "--edition", "jetstream", "-n", "3", "--quiet"])
        assert asked.returncode == 4, asked.stderr
        assert asked.stderr.count("no broker answers at nats://broker:4222") == 1
        other = stack.run_client(["pipeline", "--edition", "queue", "-n", "3"])
        assert other.returncode == 0, other.stderr
        logs = compose(stack, "logs", "--no-log-prefix", "worker").replace(ERASE_LINE, "")
        lines = logs.splitlines()
        assert sorted(set(lines)) == [
            "loop: asyncio",
            "worker: nothing answers at nats://broker:4222: waiting for the broker",
        ]
        assert len(lines) == 4
    finally:
        compose(stack, "start", "broker")
    assert ledger_of(stack, 100)["lost"] == 0
    assert [each.restarts for each in stack.services() if each.service == "worker"] == [0, 0]


@pytest.fixture
def own_tree(engine: None, tmp_path: Path) -> Iterator[Stack]:
    """Have a project with nothing in it yet, made from a tree that a test may change."""
    stack = stack_of(PROJECT, copied_tree(tmp_path))
    stack.down()
    yield stack
    stack.down()


def test_another_password_replaces_what_has_the_old_one_and_keeps_the_streams(own_tree: Stack) -> None:
    """As after `make clean` in a checkout with two labs; a file that is broken changes nothing.

    The streams are removed with the lab, and the password stays.
    """
    reread(own_tree).up(print)
    assert in_client(own_tree, KEEP, "put") == "10"
    before = {each.id: each.service for each in own_tree.services()}
    file = own_tree.root / broker_password.FILE
    old = file.read_bytes()
    file.chmod(0o644)
    file.write_text("no password")
    with pytest.raises(PasswordFileUnusable, match="does not hold a password"):
        reread(own_tree).up(print)
    assert {each.id: each.service for each in own_tree.services()} == before
    file.unlink()
    said: list[str] = []
    reread(own_tree).up(said.append)
    assert "The broker's password has changed: broker, watch, worker will be started anew with it" in said
    assert file.read_bytes() != old
    after = {each.id: each.service for each in own_tree.services()}
    assert sorted(before[each] for each in before.keys() - after.keys()) == ["broker", "watch", "worker", "worker"]
    assert json.loads(in_client(own_tree, LOGIN))[-1]
    assert in_client(own_tree, KEEP, "look") == "10"
    assert ledger_of(own_tree, 50)["lost"] == 0
    reread(own_tree).up(print)
    assert {each.id: each.service for each in own_tree.services()} == after
    own_tree.down()
    listed = ("docker", "volume", "ls", "--quiet", "--filter", f"label=com.docker.compose.project={PROJECT}")
    assert subprocess.run(listed, capture_output=True, text=True, check=True).stdout == ""
    assert file.is_file()  # another project of this checkout may run with it


def test_a_worker_that_cannot_start_is_named(own_tree: Stack) -> None:
    """It has no health check, and yet `up` does not call it healthy."""
    handler = own_tree.root / "services/client/pipeline/jetstream/worker/command.py"
    handler.write_text('raise SystemExit("no, thank you")\n')
    with pytest.raises(LabNotHealthy, match=r"^not healthy: .*worker") as failure:
        reread(own_tree).up(print)
    assert "  no, thank you" in failure.value.evidence
