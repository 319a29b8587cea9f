"""A survey whose workers are on two hosts, one of which dies in the middle: nothing is lost."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.swarm.conftest import OnASwarm
from tests.swarm.hosts import Host

TARGETS = 2_000
RATE = 100  # a second: so the survey goes on while the Swarm finds out that a host is gone
PAUSED_AFTER, KILLED_AFTER = 300, 500
SITES = {"sina": "www.sina.com.cn", "sohu": "www.sohu.com", "netease": "www.163.com"}

pytestmark = pytest.mark.timeout(300)


def workers_of(host: Host) -> set[str]:
    """Return the names of a host's workers: a worker is called by its container's id and its process's."""
    return set(host.docker("ps", "--quiet", "--filter", "name=_worker.").split())


def test_a_survey_loses_nothing_when_a_host_dies(lab: OnASwarm, two_hosts: Sequence[Host], tmp_path: Path) -> None:
    """The jobs of its workers are delivered again, and each target has one record. The broker is on the other host.

    The targets are of sites that live on. The Swarm starts what ran on the dead host anew.
    """
    survivor, other = two_hosts
    host = next(SITES[row[0]] for row in lab.rows() if row[0] in SITES and row[2] == survivor.name)
    targets = [f"http://{host}/?{number}" for number in range(TARGETS)]
    (tmp_path / "targets").write_text("\n".join(targets))
    both = [workers_of(each) for each in two_hosts]
    words = ("pipeline", "--edition", "jetstream", "-i", "-", "--format", "json", "--rate", str(RATE))
    with (tmp_path / "targets").open() as given, (tmp_path / "told").open("w+") as told:
        command = lab.command("run", "--", *words)
        with subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE, stderr=told, text=True) as survey:
            assert survey.stdout
            lines = []
            for line in survey.stdout:
                lines.append(line)
                if len(lines) == PAUSED_AFTER:  # from now on, its workers hold the jobs that they get
                    other.docker("pause", *both[1])
                if len(lines) == KILLED_AFTER:
                    other.kill()
        told.seek(0)
        said = told.read()
    *results, ledger = (json.loads(line) for line in lines)
    assert survey.returncode == 0, said
    assert sorted(result["id"] for result in results) == list(range(1, TARGETS + 1))
    assert len({result["reply"] for result in results}) == 1
    assert (ledger["attempted"], ledger["recorded"]) == (TARGETS, TARGETS)
    assert (ledger["lost"], ledger["unexpected"], ledger["dead_lettered"]) == (0, 0, 0)
    assert ledger["redelivered"] > 0
    shares = [sum(count for name, count in ledger["workers"].items() if name[:12] in ids) for ids in both]
    assert all(shares), shares


def test_what_ran_on_the_dead_host_starts_on_the_other(lab: OnASwarm) -> None:
    """`ps` shows the node as down; `down` removes what it can, and says where volumes may be left."""
    while "host2  down" not in (shown := lab("ps").stdout) or {row.split()[2] for row in tasks(shown)} != {"host1"}:
        pass
    done = lab("down")
    assert done.returncode == 1
    assert done.stderr == (
        "lab swarm: volumes may be left on host2: when it is up, name its engine by --node or LAB_SWARM_NODES, "
        "and `lab swarm down` again\n"
    )
    assert lab.hosts[0].docker("volume", "ls", "--quiet") == ""
    refused = lab("up")
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"lab swarm: the engine at {lab.hosts[1].url} cannot be asked (")


def tasks(shown: str) -> list[str]:
    """Return the rows of services."""
    return shown.split("\n\n")[1].splitlines()[1:]
