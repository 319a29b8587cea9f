"""What is known of the machine, and which other programs use it."""

import os
import time
from pathlib import Path

import pytest

from lab.bench.harness import machine
from lab.bench.harness.machine import Core, Neighbours


def test_servers_and_load_are_parted_where_there_are_two_cores() -> None:
    """With a program (taskset) that is visible in the process list."""
    core = Core(cores=2, taskset="/usr/bin/taskset")
    assert core.server == ("/usr/bin/taskset", "-c", "0")
    assert core.load == ("/usr/bin/taskset", "-c", "1")
    assert "core 0" in core.sentence()


@pytest.mark.parametrize(("cores", "taskset"), [(1, "/usr/bin/taskset"), (2, "")])
def test_otherwise_they_share_and_the_reader_is_told(cores: int, taskset: str) -> None:
    """Where a prefix cannot work there is none."""
    core = Core(cores=cores, taskset=taskset)
    assert (core.server, core.load) == ((), ())
    assert "share" in core.sentence()


def test_an_engine_that_ran_nothing_before_works_for_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its containers are no children of the bench."""
    now, ours = [(1000.0, 400.0), (1100.0, 450.0)], [5.0, 35.0]
    monkeypatch.setattr(machine, "processor_s", lambda: now.pop(0))
    monkeypatch.setattr(machine, "our_cpu_s", lambda: 10.0)
    monkeypatch.setattr(machine, "container_stands", lambda: False)
    monkeypatch.setattr(machine, "engine_cpu_s", lambda: ours.pop(0))
    assert Neighbours().share() == pytest.approx(0.2)


@pytest.mark.parametrize(("busy_s", "ours_s", "share"), [(50, 45, 0.05), (50, 10, 0.4), (10, 30, 0.0)])
def test_the_part_of_others_is_what_neither_we_nor_idleness_used(
    monkeypatch: pytest.MonkeyPatch, busy_s: float, ours_s: float, share: float
) -> None:
    """Never less than nothing: what ended before was not counted as ours before."""
    now = [(1000.0, 400.0), (1100.0, 500.0 - busy_s)]
    ours = [7.0, 7.0 + ours_s]
    monkeypatch.setattr(machine, "processor_s", lambda: now.pop(0))
    monkeypatch.setattr(machine, "our_cpu_s", lambda: ours.pop(0))
    monkeypatch.setattr(machine, "container_stands", lambda: True)  # then the engine works for others, too
    monkeypatch.setattr(machine, "engine_cpu_s", lambda: pytest.fail("it is not ours"))
    assert Neighbours().share() == pytest.approx(share)


def shares(monkeypatch: pytest.MonkeyPatch, *others: float) -> None:
    """Let others use these parts of the machine, one look after the other; looks take no time."""
    left = list(others)
    monkeypatch.setattr(Neighbours, "share", lambda _self: left.pop(0))
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)


def test_a_bench_waits_until_the_machine_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says at each look what it waits for."""
    shares(monkeypatch, 0.5, 0.2, 0.05)
    said: list[str] = []
    assert machine.until_quiet(said.append)
    assert [line.partition(",")[0] for line in said] == [
        f"waiting until others use less than 10% of this machine: now {share}" for share in ("50%", "20%")
    ]


def test_it_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """It measures all the same, and says that its tables are marked."""
    shares(monkeypatch, 0.5)
    said: list[str] = []
    assert not machine.until_quiet(said.append, longest_s=0)
    assert said == ["others still use 50% of this machine: its tables will be marked as not to be quoted"]


def test_the_kernels_figures_are_seconds(tmp_path: Path) -> None:
    """user nice system idle iowait irq softirq steal, in ticks; guests are in user already."""
    (tmp_path / "stat").write_text("cpu  1 2 3 40 50 6 7 8 900 900\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    all_s, idle_s = machine.processor_s(tmp_path / "stat")
    assert all_s == pytest.approx(117 * tick_s)
    assert idle_s == pytest.approx(90 * tick_s)
