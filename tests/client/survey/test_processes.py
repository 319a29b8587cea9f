"""A long list, fetched by several processes: the records are the same as of one."""

import asyncio
import json
import os
import re
import signal
from pathlib import Path

import pytest

from services.client.survey.results.record import Record
from services.client.survey.results.stats import Stats
from services.client.survey.targets import Source, Target
from services.client.survey.worker_protocol import numbered_line, numbered_lines
from tests.client.peers import sends, serving
from tests.client.survey.hostile import HOSTILE, OK, hostile_hosts
from tests.client.survey.surveys import children_of, read_records, route_of_all, run_client_async, started_client

ONCE = pytest.mark.parametrize("anyio_backend", ["asyncio"])


@pytest.mark.timeout(120)  # hosts that answer have many seconds to do so
@pytest.mark.anyio
@ONCE
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_the_records_are_those_of_one_process(loop: str, tmp_path: Path) -> None:
    """Every target once, each fault by its name, what is no target among them; the summary adds up."""
    names = [name for name in HOSTILE if name not in ("full", "drips", "never-ends")]
    lines = [
        *(names[number % len(names)] for number in range(500)),
        "",
        "# no",
        "a b",
        "x" * 5_000,
        "h\xff",
        "healthy",
    ]
    async with hostile_hosts() as topology:
        routes = [f"--resolve={host}:80:{ip}:{port}" for (host, _), (ip, port) in topology.routes.items()]
        result = await run_client_async(
            *("-i", "-", "--format", "jsonl", "-o", tmp_path / "out", "--processes", "3", "-c", "96", "-L"),
            *("--head-timeout", "12", "--loop", loop, *routes),
            stdin="\n".join(lines).encode("latin-1"),
        )
    records = await asyncio.to_thread(read_records, tmp_path / "out")
    assert result.returncode == 1
    assert [record["line"] for record in records] == [*range(1, 501), 503, 504, 505, 506]
    wrong = [
        (record["target"], record["error"])
        for record in records
        if record["error"] != (HOSTILE[record["target"]].error if record["target"] in HOSTILE else "usage")
    ]
    assert not wrong
    assert {record["loop"] for record in records} == {loop}
    summary = result.stderr.decode().splitlines()
    assert summary[0] == f"loop: {loop}"
    (counts,) = [line for line in summary if line.startswith("504 targets in ")]  # after a line for every five seconds
    assert f"{sum(record['error'] is None for record in records):,} answered" in counts
    peak = re.fullmatch(r"  peak memory ([\d,]+) MiB in 4 processes", summary[-1])
    assert peak
    assert int(peak[1]) > 4 * 10  # the sum: Python alone takes as much in each


@pytest.mark.anyio
@ONCE
async def test_a_process_that_is_killed_ends_the_survey(tmp_path: Path) -> None:
    """Its targets have no record: the error says so, with exit 3, and --resume fetches them."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def holds_at_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await go_on.wait()
        await sends(OK)(reader, writer)

    async with serving(host=holds_at_first) as topology:
        arguments = (
            *("-i", "-", "--format", "jsonl", "-o", tmp_path / "out", "--resume", "--processes", "2"),
            *("--resolve", route_of_all(topology)),
        )
        async with started_client(*arguments, stdin=b"a\nb\n") as process:
            await asked.wait()
            one, *others = await asyncio.to_thread(children_of, process.pid)
            assert others  # which the survey ends by itself
            os.kill(one, signal.SIGKILL)
            _, err = await process.communicate()
        go_on.set()
        assert process.returncode == 3
        assert err.endswith(b"client: a process of the survey ended with -9: --resume goes on where it stopped\n")
        assert (await run_client_async(*arguments, stdin=b"a\nb\nc\n")).returncode == 0
    assert [each["target"] for each in await asyncio.to_thread(read_records, tmp_path / "out")] == ["a", "b", "c"]


@pytest.mark.anyio
@ONCE
async def test_a_process_that_is_stopped_from_outside_ends_the_survey(tmp_path: Path) -> None:
    """It ends softly, but its targets that it had not begun have no record: the exit code says so."""
    both_ask = asyncio.Barrier(3)

    async def holds(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await both_ask.wait()
        await reader.read()

    async with serving(host=holds) as topology:
        arguments = (
            *("-i", "-", "--format", "jsonl", "-o", tmp_path / "out", "--processes", "2", "-c", "2"),
            *("--resolve", route_of_all(topology), "--timeout", "30"),
        )
        async with started_client(*arguments, stdin=b"a\n" * 50) as process:
            await both_ask.wait()
            os.kill((await asyncio.to_thread(children_of, process.pid))[0], signal.SIGTERM)
            _, err = await process.communicate()
    assert process.returncode == 3
    assert err.endswith(b"client: a process of the survey ended with 130: --resume goes on where it stopped\n")


@pytest.mark.anyio
@ONCE
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_a_process_that_cannot_be_started_is_one_line(loop: str) -> None:
    """As with a low limit of open files: exit 3, and what to do."""
    result = await run_client_async(
        *("-i", "-", "--format", "jsonl", "--processes", "8", "-q", "--loop", loop),
        stdin=b"a b\n",
        before=("prlimit", "--nofile=20"),
    )
    lines = result.stderr.decode().splitlines()
    assert (result.returncode, result.stdout) == (3, b"")
    (last,) = [line for line in lines if line.startswith("client: ")]  # uvloop has something to say, too
    assert re.fullmatch(r"client: cannot start a process of the survey \([tT]oo many open files.*\): ask for .*", last)


@pytest.mark.anyio
async def test_a_target_of_any_text_reaches_its_process(tmp_path: Path) -> None:
    """Up to the longest."""
    items = [Target(1, "host"), Target(10**12, "a\tb"), Target(3, "\u00e4" * 2_048), Target(4, "x\x00")]
    path = tmp_path / "numbered_line"
    await asyncio.to_thread(path.write_bytes, b"".join(map(numbered_line, items)))
    source = Source(numbered_lines(await asyncio.to_thread(os.open, path, os.O_RDONLY), "numbered_line"))
    from services.client.survey.deadlines import DeadlineSweeper

    with DeadlineSweeper() as sweeper:
        deadline = sweeper.deadline()
        assert [await source.next(deadline) for _ in range(5)] == [*items, None]


def test_statistics_add_up() -> None:
    """Counts and percentiles of the whole are those of the parts together."""
    parts, whole = [Stats(), Stats()], Stats()
    for number in range(100):
        record = Record(number, "x", "asyncio", error=("dns", "reset")[number % 3 == 0], total_s=number / 10)
        parts[number % 2].add(record)
        whole.add(record)
    sum_of_parts = Stats()
    for part in parts:
        sum_of_parts.load(part.dump())
    assert json.loads(sum_of_parts.dump()) == json.loads(whole.dump())
    assert whole.phases["total"].percentile(50) == pytest.approx(4.9, rel=0.02)
