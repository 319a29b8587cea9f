"""What a stack's tasks say: which services wait, which have failed, and what a person is shown of that."""

import json

import pytest

from lab.subprocesses import Outcome
from lab.swarm import cli, tasks
from lab.swarm.endpoints import Endpoint
from lab.swarm.errors import StackRefused
from lab.swarm.nodes import Node
from lab.swarm.tasks import Task
from tests.lab.answers import Programs


def line(name: str, node: str, wanted: str, current: str, error: str = "") -> dict[str, str]:
    """Return what `docker stack ps` says of a task."""
    return {"ID": "a", "Name": name, "Node": node, "DesiredState": wanted, "CurrentState": current, "Error": error}


LINES = [
    line("x_sina.1", "host1", "Running", "Running 3 seconds ago"),
    line("x_worker.2", "", "Running", "Pending 1 second ago", '"no suitable node"'),
    line("x_worker.2", "host2", "Shutdown", "Failed 2 minutes ago", '"task: non-zero exit (1)"'),
]
PS = Outcome(0, "".join(f"{json.dumps(each)}\n" for each in LINES))


def manager(ps: Outcome) -> Endpoint:
    """Return a manager that says this of its tasks."""
    logs = Outcome(0, "one\ntwo\n")
    return Endpoint(
        "unix:///x", Programs({"docker --host unix:///x stack ps": ps, "docker --host unix:///x service logs": logs})
    )


def test_a_task_is_read_from_its_line() -> None:
    """Of which service it is, on which node, and how it is."""
    sina, pending, failed = tasks.of_stack(manager(PS), "x")
    assert sina == Task("a", "sina", "1", "host1", "Running", "Running", "3 seconds ago")
    assert (pending.service, pending.node, pending.error) == ("worker", "", "no suitable node")
    assert [each.runs for each in (sina, pending, failed)] == [True, False, False]
    assert [each.is_wanted for each in (sina, pending, failed)] == [True, True, False]


def test_no_stack_has_no_task() -> None:
    """Docker's client calls that an error; any other is one."""
    assert tasks.of_stack(manager(Outcome(1, err="nothing found in stack: x\n")), "x") == []
    with pytest.raises(StackRefused, match="no leader"):
        tasks.of_stack(manager(Outcome(1, err="Error response from daemon: no leader\n")), "x")


def test_which_services_wait_and_which_have_failed() -> None:
    """A service waits until all its containers run; after three that ended badly it has failed."""
    found = tasks.of_stack(manager(PS), "x")
    assert tasks.waiting(found, {"sina": 1, "worker": 2, "hello": 1}) == ["hello", "worker"]
    assert tasks.waiting(found, {"sina": 1}) == []
    assert tasks.failing(found) == []
    assert tasks.failing([*found, found[2], found[2]]) == ["worker"]


def test_what_is_shown_of_a_service_that_does_not_run() -> None:
    """Each of its tasks with its node and error, and its last lines."""
    at = manager(PS)
    assert tasks.evidence(at, "x", tasks.of_stack(at, "x"), ["worker"]) == [
        "worker: Pending 1 second ago (no suitable node)",
        "worker on host2: Failed 2 minutes ago (task: non-zero exit (1))",
        "  one",
        "  two",
    ]


def test_the_table() -> None:
    """Nodes with what runs on them, then tasks that are wanted; nothing in it moves a terminal's cursor."""
    node = Node("id1", "host1", "ready", "active", is_manager=True, engine="26\x1b[2J", platform="linux/x86_64")
    shown = cli.table([node], tasks.of_stack(manager(PS), "x"))
    assert [each.rstrip() for each in shown.splitlines()] == [
        "NODE   STATUS  AVAILABILITY  ENGINE     CONTAINERS",
        "host1  ready   active        26\\x1b[2J  1",
        "",
        "SERVICE  NUMBER  NODE      STATE                  ERROR",
        "sina     1       host1     running 3 seconds ago",
        "worker   2       none yet  pending 1 second ago   no suitable node",
    ]
