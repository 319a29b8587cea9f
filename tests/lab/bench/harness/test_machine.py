"""What is known of the machine, and which other programs use it."""

import os
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


@pytest.mark.parametrize(("busy_s", "ours_s", "said"), [(50, 45, ""), (50, 10, "others used 40%"), (10, 30, "")])
def test_other_programs_are_named_when_they_disturb(
    monkeypatch: pytest.MonkeyPatch, busy_s: float, ours_s: float, said: str
) -> None:
    """Figures of a busy machine are kept, with that note."""
    now = [(1000.0, 400.0), (1100.0, 500.0 - busy_s)]
    ours = [7.0, 7.0 + ours_s]
    monkeypatch.setattr(machine, "processor_s", lambda: now.pop(0))
    monkeypatch.setattr(machine, "our_cpu_s", lambda: ours.pop(0))
    assert Neighbours().note().startswith(said)


def test_the_kernels_figures_are_seconds(tmp_path: Path) -> None:
    """user nice system idle iowait irq softirq steal, in ticks; guests are in user already."""
    (tmp_path / "stat").write_text("cpu  1 2 3 40 50 6 7 8 900 900\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    all_s, idle_s = machine.processor_s(tmp_path / "stat")
    assert all_s == pytest.approx(117 * tick_s)
    assert idle_s == pytest.approx(90 * tick_s)
