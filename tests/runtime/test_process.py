"""How much memory a process may use, as the kernel's files tell it; and how it starts another of its kind."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab import ROOT
from services.runtime.process import (
    MIB,
    MemoryFiles,
    group_limit_bytes,
    module_command,
    module_environment,
    usable_memory_bytes,
)

MACHINE_MIB = 8_000
NONE_IN_V1 = "9223372036854771712\n"

CASES: dict[str, tuple[str, Mapping[str, str], int | None]] = {
    "v2, in a container": ("0::/\n", {"memory.max": "536870912\n"}, 512),
    "v2, no limit": ("0::/\n", {"memory.max": "max\n"}, None),
    "v2, its own": ("0::/lab.slice/a.scope\n", {"lab.slice/a.scope/memory.max": "1048576\n"}, 1),
    "v2, that of the group above": (
        "0::/lab.slice/a.scope\n",
        {"lab.slice/a.scope/memory.max": "max\n", "lab.slice/memory.max": "209715200\n"},
        200,
    ),
    "v2, the least of all": (
        "0::/lab.slice/a.scope\n",
        {"lab.slice/a.scope/memory.max": "314572800\n", "lab.slice/memory.max": "209715200\n"},
        200,
    ),
    "v1, in a container": (
        "5:cpuset:/docker/1f\n4:memory:/docker/1f\n0::/\n",
        {"memory/memory.limit_in_bytes": "536870912\n"},
        512,
    ),
    "v1, with others": ("4:cpu,memory:/a\n", {"memory/a/memory.limit_in_bytes": "536870912\n"}, 512),
    "v1, no limit": ("4:memory:/\n", {"memory/memory.limit_in_bytes": NONE_IN_V1}, None),
    "v1, not the memory's": ("4:cpu:/a\n", {"memory/a/memory.limit_in_bytes": "536870912\n"}, None),
    "a name with a colon": ("0::/a:b\n", {"a:b/memory.max": "1048576\n"}, 1),
    "no groups": ("", {}, None),
    "what no kernel writes": ("0::/\n", {"memory.max": "half\n"}, None),
}


def kernel_files(directory: Path, own_groups: str, limits: Mapping[str, str]) -> MemoryFiles:
    """Write such files for a machine of MACHINE_MIB, and return their paths."""
    files = MemoryFiles(directory / "cgroup", directory / "groups", directory / "meminfo")
    files.own_groups.write_text(own_groups)
    files.machine.write_text(f"MemTotal:       {MACHINE_MIB * 1024} kB\nMemFree:        1 kB\n")
    for name, text in limits.items():
        file = files.groups / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return files


@pytest.mark.parametrize(("own_groups", "limits", "expected_mib"), CASES.values(), ids=CASES)
def test_a_process_has_its_groups_limit_or_a_quarter_of_the_machine(
    tmp_path: Path, own_groups: str, limits: Mapping[str, str], expected_mib: int | None
) -> None:
    """Both versions of control groups, in a container and outside."""
    given = usable_memory_bytes(kernel_files(tmp_path, own_groups, limits))
    assert given == (MACHINE_MIB // 4 if expected_mib is None else expected_mib) * MIB


def test_a_limit_above_the_machines_memory_does_not_count(tmp_path: Path) -> None:
    """A group may have a limit that no machine can reach."""
    files = kernel_files(tmp_path, "0::/\n", {"memory.max": str(MACHINE_MIB * MIB + 1)})
    assert usable_memory_bytes(files) == MACHINE_MIB // 4 * MIB


@pytest.mark.parametrize(("machine_mib", "expected_mib"), [(256, 256), (1_000, 512), (4_000, 1_000)])
def test_a_small_machine_gives_more_than_a_quarter(tmp_path: Path, machine_mib: int, expected_mib: int) -> None:
    """At least as much as a container of the lab has, where the machine has it."""
    files = kernel_files(tmp_path, "", {})
    files.machine.write_text(f"MemTotal: {machine_mib * 1024} kB\n")
    assert usable_memory_bytes(files) == expected_mib * MIB


def test_this_process_may_use_memory() -> None:
    """Read from the kernel's own files."""
    assert usable_memory_bytes() > 64 * MIB
    assert (group_limit_bytes() or MIB) > 0


def test_a_module_is_run_from_where_this_one_is(tmp_path: Path) -> None:
    """Not from the working directory or PYTHONPATH, which may have another package `services`."""
    (tmp_path / "services").mkdir()
    (tmp_path / "services/__init__.py").write_text("raise SystemExit('another one')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)} | module_environment()
    done = subprocess.run(
        [*module_command("services.client"), "--version"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("asynclab ")


def test_what_was_on_the_path_stays_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/of/a/person")
    assert module_environment()["PYTHONPATH"].endswith(f"{os.pathsep}/of/a/person")
    monkeypatch.delenv("PYTHONPATH")
    assert os.pathsep not in module_environment()["PYTHONPATH"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel of Linux has it")
def test_a_command_that_is_tied_ends_with_its_parent() -> None:
    """Also where the parent is killed, and can end nothing itself."""
    child = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"]
    parent = (
        "import subprocess, sys; from services.runtime.process import tied_to_parent; "
        f"subprocess.run(tied_to_parent({child!r}))"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout
        assert int(process.stdout.readline())
        process.kill()
        assert process.stdout.read() == b""  # the child has the other end of the pipe until it has ended
