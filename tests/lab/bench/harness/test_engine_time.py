"""The processor time of an engine, from files as the kernel has them."""

from pathlib import Path

import pytest

from lab.bench.harness.engine_time import container_stands, containers_cpu_s, daemons_cpu_s


@pytest.mark.parametrize(
    ("name", "text", "seconds"),
    [
        ("cpuacct.usage", "2500000000\n", 2.5),
        ("cpu.stat", "usage_usec 2500000\nuser_usec 1\n", 2.5),
        ("cpu.stat", "user_usec 1\n", 0.0),
        ("cpuacct.usage", "much\n", 0.0),
        ("else", "1\n", 0.0),
    ],
)
def test_containers_time_is_read_in_either_version(tmp_path: Path, name: str, text: str, seconds: float) -> None:
    """What is not told counts for nothing."""
    (tmp_path / name).write_text(text, "ascii")
    assert containers_cpu_s((tmp_path / "missing", tmp_path)) == pytest.approx(seconds)


@pytest.mark.parametrize(("processes", "stands"), [("", False), ("123\n", True)])
def test_a_container_stands_where_a_group_has_a_process(tmp_path: Path, processes: str, stands: bool) -> None:
    """The group of a build stays, without one."""
    group = tmp_path / "buildkit"
    group.mkdir()
    (group / "cgroup.procs").write_text(processes, "ascii")
    assert container_stands((tmp_path / "missing", tmp_path)) is stands


def test_daemons_are_known_by_their_names(tmp_path: Path) -> None:
    """A name may have spaces and brackets in it; the times are those of the process and of what it waited for."""
    figures = " ".join(str(number) for number in range(3, 53))
    for number, name in enumerate(["dockerd", "containerd-shim", "a) dockerd (b", "python"]):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "stat").write_text(f"{number} ({name}) {figures}\n", "ascii")
    assert list(daemons_cpu_s(tmp_path)) == [pytest.approx((14 + 15 + 16 + 17) / 100)] * 2
