"""The lab on two hosts: every service runs, names work between hosts, and nothing is left when it is taken down.

The second host is reached by ssh, as a real machine is: images get there through it, and volumes are removed.
"""

import json
from collections.abc import Sequence

import pytest

from tests.swarm.conftest import PROJECT, OnASwarm
from tests.swarm.hosts import Host
from tests.swarm.ssh import Ssh, way_to

HOSTS = ("www.sina.com.cn", "www.sohu.com", "www.163.com")
OF_THE_STACK = ("--filter", f"label=com.docker.stack.namespace={PROJECT}")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def way(two_hosts: Sequence[Host], tmp_path_factory: pytest.TempPathFactory) -> Ssh | None:
    """Return the way to the second host by ssh; its engine's socket where there is no sshd."""
    return way_to(two_hosts[1], tmp_path_factory.mktemp("ssh"))


def test_services_are_spread_over_both_hosts(lab: OnASwarm) -> None:
    """`ps` shows every service with its node. The broker is on the manager, where its data is."""
    rows = lab.rows()
    assert {row[0] for row in rows} == {"broker", "hello", "netease", "sina", "sohu", "worker"}
    assert {row[3] for row in rows} == {"running"}
    assert {row[2] for row in rows} == {"host1", "host2"}
    assert [row[2] for row in rows if row[0] == "broker"] == ["host1"]
    assert sorted(row[2] for row in rows if row[0] == "worker") == ["host1", "host2"]


def test_ps_shows_the_nodes(lab: OnASwarm) -> None:
    """With their state, whether they take containers, and the version of their engine."""
    nodes = lab("ps").stdout.split("\n\n")[0].splitlines()
    assert nodes[0].split() == ["NODE", "STATUS", "AVAILABILITY", "ENGINE", "CONTAINERS"]
    assert [line.split()[:3] for line in nodes[1:]] == [["host1", "ready", "active"], ["host2", "ready", "active"]]


def test_a_client_reaches_every_site_by_its_name(lab: OnASwarm) -> None:
    """Also those on the other host, and by TLS: all hosts have one certificate authority."""
    targets = [f"{scheme}://{host}" for host in HOSTS for scheme in ("http", "https")]
    done = lab("run", "--", "wget", *targets, "--ca", "lab", "--format", "jsonl", "-q")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(record["target"] for record in records) == sorted(targets)
    assert [record["error"] for record in records] == [None] * len(targets)


def test_the_name_is_taken_while_it_is_up(lab: OnASwarm) -> None:
    """A second `up` changes nothing, and says what to do."""
    done = lab("up")
    assert done.returncode == 2
    assert done.stderr == (
        f"lab swarm: a stack {PROJECT} is there already: `lab swarm down --project {PROJECT}`, "
        "or another name by --project\n"
    )


def test_down_leaves_nothing(lab: OnASwarm, two_hosts: Sequence[Host]) -> None:
    """Neither containers nor networks nor volumes on either host, nor secrets; a second time is no error."""
    for _ in range(2):
        done = lab("down")
        assert (done.returncode, done.stderr) == (0, "")
        first = two_hosts[0]
        left = {part: first.docker(part, "ls", "--quiet") for part in ("service", "secret", "config")}
        assert left == {"service": "", "secret": "", "config": ""}
        for host in two_hosts:
            assert host.docker("ps", "--all", "--quiet") == ""
            assert host.docker("network", "ls", "--quiet", *OF_THE_STACK) == ""
            assert host.docker("volume", "ls", "--quiet", *OF_THE_STACK) == ""
    missing = lab("ps")
    assert missing.returncode == 2
    assert missing.stderr.startswith(f"lab swarm: no stack {PROJECT} is in this Swarm: ")
