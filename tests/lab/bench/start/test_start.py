"""Starts and sizes, without an engine: its answers are recorded."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.bench.errors import BenchFailed
from lab.bench.harness.figures import Row
from lab.bench.harness.rounds import QUICK
from lab.bench.start import containers, programs, result, sizes
from lab.docker import engine
from lab.errors import LabError
from lab.subprocesses import Outcome
from tests.lab.bench.goals import every_ceiling_is_measured

IMAGES = {
    "base": "100000000",
    "asynclab/hello:t": "150000000",
    "asynclab/client:t": "161500000",
    "asynclab/gateway:t": "97000000",
}


def docker(command: Sequence[str], *, timeout_s: float, cwd: Path | None = None) -> Outcome:
    """Answer as an engine with these images."""
    size = IMAGES.get(command[-1])
    return Outcome(0, f"{size}\n") if size else Outcome(1, "", f"no such image in {cwd or timeout_s}")


def test_images_are_compared_with_their_base() -> None:
    """Those that the engine lacks have no row."""
    found = sizes.table("base", "t", docker)
    assert found.rows == (
        ("its base, base", 100.0, None),
        ("hello", 150.0, 50.0),
        ("client", 161.5, 61.5),
        ("gateway", 97.0, -3.0),
    )
    goal = containers.client_size(found)
    assert (goal.kept, goal.found) == (False, "61.5 MB")
    assert goal.ceiling == "the gateway's image, which has no packages: -3.0 MB"


def test_a_size_that_is_not_known_reaches_no_goal() -> None:
    """As with an engine that lacks the image."""
    assert not containers.client_size(sizes.table("absent", "t", docker)).kept


@pytest.mark.parametrize(("seconds", "kept"), [(1.2, True), (1.4, False)])
def test_a_clients_run_is_measured_over_a_container_that_does_nothing(seconds: float, kept: bool) -> None:
    """By the difference of the medians."""
    least = ((containers.TRUE, 0.5), (containers.MINIMAL, 0.6), (containers.OF_CLIENT, 1.0))
    promise = containers.over_true(tuple(Row(name, (at,)) for name, at in (*least, (containers.CLIENT, seconds))))
    assert promise.kept is kept
    assert promise.ceiling == f"{containers.MINIMAL}: 0.10 s; {containers.OF_CLIENT}: 0.50 s"


def test_a_container_that_fails_is_no_figure() -> None:
    """Its last lines are the evidence."""
    with pytest.raises(BenchFailed, match="docker run --rm true could not be measured, exit code 1"):
        containers.to_its_end(containers.TRUE, lambda: docker(["docker", "run", "absent"], timeout_s=1.0))


def test_a_program_without_a_line_is_no_figure() -> None:
    """It ended, or closed its stdout."""
    with pytest.raises(BenchFailed, match="nothing could not be measured, it printed nothing"):
        programs.first_line("nothing", ("true",))


def test_without_an_engine_containers_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A note says why; every other start has its row."""
    monkeypatch.setattr(engine, "refusal", lambda _found: LabError("no engine answers", "start one"))
    monkeypatch.setattr(sizes, "wheel_mb", lambda: 1.5)
    found = result.bench(QUICK._replace(containers=True), lambda _: None)
    assert [row.subject for row in found.groups[0].rows] == [
        programs.NOTHING, programs.ARGPARSE, programs.ASYNCIO, programs.HELP, programs.EMBEDDED, programs.SERVE,
        programs.PYTEST,
    ]  # fmt: skip
    assert found.notes == ("containers are left out: no engine answers: start one",)
    assert found.kept
    assert every_ceiling_is_measured(found)
    (without,) = result.bench(QUICK, lambda _: None).notes
    assert without == "containers are left out: --quick leaves out what runs in containers"
