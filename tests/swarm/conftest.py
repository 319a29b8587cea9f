"""A Swarm of two hosts on this machine, and the lab on it. Every test here is marked `docker` and `swarm`."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.swarm.hosts import Host, HostsImpossible, NotRoot, swarm
from tests.swarm.ssh import Ssh

HERE = Path(__file__).parent
LAB = Path(sys.executable).parent / "lab"
PROJECT = "asynclab-test-swarm"


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark what is collected below this folder."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.docker)
            item.add_marker(pytest.mark.swarm)


@pytest.fixture(scope="session")
def two_hosts(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Host]]:
    """Have a Swarm of two hosts, or skip: a person's machine may be unable to make one, CI as root is able."""
    try:
        with swarm(tmp_path_factory.mktemp("hosts")) as made:
            yield made
    except HostsImpossible as error:
        if os.environ.get("CI") and not isinstance(error, NotRoot):
            pytest.fail(f"CI needs two hosts: {error}")
        pytest.skip(str(error))


class OnASwarm:
    """`lab swarm` against two hosts. `way`: by which the second one is reached; None for its engine's socket."""

    def __init__(self, hosts: Sequence[Host], way: Ssh | None = None) -> None:
        self.hosts = hosts
        self.urls = [host.url for host in hosts]
        self._environment = dict(os.environ)
        if way:
            self.urls[1], self._environment["PATH"] = way.url, way.path

    def __call__(self, verb: str, *words: str, timeout_s: float = 150.0) -> "subprocess.CompletedProcess[str]":
        """Run `lab swarm VERB WORDS` and return how it ended."""
        return subprocess.run(
            self.command(verb, *words),
            stdin=subprocess.DEVNULL,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def command(self, verb: str, *words: str) -> list[str]:
        """Return the command line."""
        nodes = [word for url in self.urls for word in ("--node", url)]
        return [str(LAB), "swarm", verb, "--project", PROJECT, *nodes, *words]

    def rows(self) -> list[list[str]]:
        """Return the rows of `ps`: service, number, node, state, and more."""
        done = self("ps")
        assert done.returncode == 0, done.stderr
        return [line.split() for line in done.stdout.split("\n\n")[1].splitlines()[1:]]


@pytest.fixture(scope="module")
def way() -> Ssh | None:
    """Return the way to the second host: its engine's socket, where a module says nothing else."""
    return None


@pytest.fixture(scope="module")
def lab(two_hosts: Sequence[Host], way: Ssh | None) -> Iterator[OnASwarm]:
    """Have the lab on both hosts."""
    on_both = OnASwarm(two_hosts, way)
    done = on_both("up")
    assert done.returncode == 0, done.stderr
    yield on_both
    on_both("down")
