"""What the engine and the kernel tell of containers."""

import json
from pathlib import Path

import pytest

from lab.bench.chaos.engine import Moment, read_moment
from lab.bench.chaos.service import Memory, memory_in

NS = 1_000_000_000


def event(action: str, **attributes: str) -> str:
    """Return a line as `docker events --format '{{json .}}'` prints it."""
    facts = {"com.docker.compose.service": "sohu", "com.docker.compose.oneoff": "False", **attributes}
    return json.dumps({"Action": action, "Actor": {"ID": "abc", "Attributes": facts}, "timeNano": 5 * NS})


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        (event("die", exitCode="137"), Moment(5.0, "sohu", "die", 137)),
        (event("oom"), Moment(5.0, "sohu", "oom")),
        (event("start"), Moment(5.0, "sohu", "start")),
        (event("health_status: healthy"), Moment(5.0, "sohu", "healthy")),
        (event("health_status: unhealthy"), None),
        (event("die", exitCode="130", **{"com.docker.compose.oneoff": "True"}), None),
    ],
    ids=["die", "oom", "start", "healthy", "unhealthy", "a client"],
)
def test_an_event_is_a_moment_of_a_service(line: str, moment: Moment | None) -> None:
    """A client's container comes and goes as chaos likes."""
    assert read_moment(line) == moment


def write(root: Path, files: dict[str, str]) -> None:
    """Write files of a control group."""
    for name, text in files.items():
        root.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        root.joinpath(name).write_text(text)


def test_memory_is_read_from_a_control_group_of_version_1(tmp_path: Path) -> None:
    """The file of the memory controller, wherever it is in the list."""
    group = "memory/docker/abc"
    write(
        tmp_path,
        {
            f"{group}/memory.max_usage_in_bytes": "300\n",
            f"{group}/memory.limit_in_bytes": "512\n",
            f"{group}/memory.stat": "rss 1\ntotal_cache 9\ntotal_rss 200\ntotal_rss_huge 0\n",
        },
    )
    groups = "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/docker/abc\n"
    assert memory_in(groups, tmp_path) == Memory(most=300, anonymous=200, limit=512)


@pytest.mark.parametrize(("limit", "bytes_"), [("512\n", 512), ("max\n", 0)])
def test_memory_is_read_from_a_control_group_of_version_2(tmp_path: Path, limit: str, bytes_: int) -> None:
    """`max` is no limit."""
    group = "system.slice/docker-abc.scope"
    write(
        tmp_path,
        {
            f"{group}/memory.peak": "300\n",
            f"{group}/memory.max": limit,
            f"{group}/memory.stat": "anon 200\nfile 9\nanon_thp 0\n",
        },
    )
    assert memory_in(f"0::/{group}\n", tmp_path) == Memory(most=300, anonymous=200, limit=bytes_)


def test_memory_of_a_group_that_tells_nothing_is_not_known(tmp_path: Path) -> None:
    """No figure is invented."""
    assert memory_in("0::/nowhere\n", tmp_path) is None
