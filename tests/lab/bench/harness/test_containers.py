"""What is measured in a container, with a Docker that runs it outside of one."""

import os
import sys
from pathlib import Path

import pytest

from lab.bench.errors import BenchFailed
from lab.bench.harness import containers
from lab.bench.harness.processes import free_port
from lab.bench.harness.ran import recorded
from lab.subprocesses import Outcome
from tests.lab.answers import IMAGE, NO_IMAGE

DOCKER = """\
#!/bin/sh
case $1 in
inspect) cat {pid} ;;
rm) echo "$@" >> {removed} ;;
run)
    echo $$ > {pid}
    while [ "$1" != --entrypoint ]; do shift; done
    program=$2
    shift 3
    exec "$program" "$@" ;;
esac
"""
SERVE = "import http.server, sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), None).serve_forever()"


@pytest.fixture
def removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a Docker on PATH that runs programs of this machine, and return where it notes what was removed."""
    file = tmp_path / "removed"
    docker = tmp_path / "docker"
    docker.write_text(DOCKER.format(pid=tmp_path / "pid", removed=file), "utf-8")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return file


@pytest.mark.usefixtures("removed")
def test_a_programs_cost_is_that_of_the_program_and_its_output_is_whole() -> None:
    """What it says on stderr does not matter; its stdin is passed on."""
    code = "import sys, time; print(sys.stdin.read()); print('1.5', file=sys.stderr); sum(range(2_000_000))"
    with recorded() as record:
        cost = containers.cost_in("it", "image", (sys.executable, "-c", code), timeout_s=60, stdin=b"hello")
    assert cost.out == "hello\n"
    assert cost.wall_s > 0
    assert cost.cpu_s > 0
    assert record.commands()[0].startswith("1. $ docker run --rm --network host ")


@pytest.mark.usefixtures("removed")
def test_a_program_that_fails_in_a_container_fails_the_bench() -> None:
    """Its own last lines are the evidence."""
    with pytest.raises(BenchFailed, match="exit code 3") as caught:
        containers.cost_in("it", "image", ("sh", "-c", "echo no >&2; exit 3"), timeout_s=60)
    assert "no" in caught.value.evidence


def test_a_container_that_takes_too_long_is_removed(removed: Path) -> None:
    """Docker's client ends without it."""
    with pytest.raises(BenchFailed, match="takes more than"):
        containers.cost_in("it", "image", ("sleep", "5"), timeout_s=0.3)
    assert removed.read_text().startswith("rm --force asynclab-bench-")


def test_a_server_in_a_container_is_measured_by_its_own_processes(removed: Path) -> None:
    """It is removed at the end, whatever became of Docker's client."""
    port = free_port()
    with containers.served("it", "image", (sys.executable, "-c", SERVE, str(port)), port=port) as server:
        assert server.peak_kib() > 1_000
        assert server.cpu_s() >= 0
        assert not removed.exists()
    assert removed.read_text().startswith("rm --force asynclab-bench-")


@pytest.mark.parametrize("said", [[], ["1764169704.5", "0m1.0s 0m1.0s"], ["a", "b", "c", "d", "e"]])
def test_figures_that_are_missing_fail_the_bench(said: list[str]) -> None:
    with pytest.raises(BenchFailed, match="printed no figures"):
        containers.read_cost("it", "", said)


def test_figures_are_read_below_what_the_program_says() -> None:
    said = ["0m9.0s", "1764169704.5", "hm", "1764169706.0", "0m0.0s 0m0.0s", "1m0.25s 0m0.5s", str(3 * 1024 * 1024)]
    cost = containers.read_cost("it", "out", said)
    assert (cost.out, cost.wall_s, cost.cpu_s, cost.peak_kib) == ("out", 1.5, 60.75, 3 * 1024)


def test_an_image_of_peers_that_is_here_is_not_built_again() -> None:
    said: list[str] = []
    assert containers.peers_image(said.append, run=lambda *_, **__: IMAGE) == containers.PEERS
    assert said == []


def test_an_own_image_that_is_not_built_is_named() -> None:
    with pytest.raises(BenchFailed, match="asynclab/client:"):
        containers.own_image("client", run=lambda *_, **__: NO_IMAGE)


def test_an_unknown_version_is_said() -> None:
    assert (
        containers.version("image", "curl", "--version", run=lambda *_, **__: Outcome(0, "curl 8.22.0 (x)")) == "8.22.0"
    )
    assert containers.version("image", "curl", "--version", run=lambda *_, **__: Outcome(1)) == "unknown"
