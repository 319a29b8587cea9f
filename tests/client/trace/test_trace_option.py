"""--trace FILE of wget, compare and hello: what is in the file, on both loops; and where there can be none."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from lab.embedded.program import embedded_lab
from services.client import hello
from services.client.admin.api import ask
from services.client.compare import command as compare
from services.client.compare import wget as compared_wget
from services.client.settings import ClientSettings
from services.client.survey.options import Contradiction, Options
from services.client.trace.chrome.file import CannotWrite
from services.client.trace.chrome.reading import read_trace
from services.client.trace.kept import OneFile
from services.client.trace.model import Phase, Task, Trace
from services.client.wget import command as wget
from services.hello.settings import HelloSettings
from services.runtime.run import Stop
from services.sites.settings import SitesSettings
from tests.client.trace.chrome.format_rules import events_of_file, violations

pytestmark = pytest.mark.anyio

PHASES = ["dns", "connect", "send", "first byte", "head"]


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ClientSettings]:
    """Give a lab whose answers come soon."""
    short_s = {host: delay_s / 10 for host, delay_s in compared_wget.DELAYS_S.items()}
    monkeypatch.setattr(compared_wget, "DELAYS_S", short_s)
    async with embedded_lab(HelloSettings(delay_s=0.01), SitesSettings(drain_s=0)) as settings:
        yield settings


async def read(file: Path) -> Trace:
    """Return a trace, whose events break no rule of the format."""

    def look() -> Trace:
        assert violations(events_of_file(file.read_text())) == []
        return read_trace(file)

    return await asyncio.to_thread(look)


def phases_of(trace: Trace, task: Task) -> list[Phase]:
    """Return the phases of a task, in order."""
    found = [each for each in trace.phases if (each.task, each.process) == (task.id, task.process)]
    return sorted(found, key=lambda each: (each.begin_s, -each.end_s))


async def test_a_survey_has_a_lane_a_fetch_with_its_phases_and_how_it_ended(
    lab: ClientSettings, tmp_path: Path
) -> None:
    """One after another by one task or not: a fetch is a lane, and the tasks that make fetches are none."""
    await ask(lab, "www.sohu.com", "PUT", "/faults/www.sohu.com", body={"faults": [{"fault": "rst_at", "bytes": 40}]})
    targets = ["www.163.com", "www.sohu.com", "nohost.test", "https://www.sina.com.cn", "no target"]
    options = Options(targets, trace=str(tmp_path / "t.json"), concurrency=2, insecure=True)
    assert await wget.main(options, lab, Stop()) == 1
    trace = await read(tmp_path / "t.json")
    lanes = {task.name: task for task in trace.tasks}
    assert list(lanes) == ["www.163.com", "www.sohu.com", "nohost.test", "www.sina.com.cn", "no target"]
    assert [task.ok for task in trace.tasks] == [True, False, False, True, False]
    assert lanes["www.163.com"].note == "302 Moved Temporarily"
    assert lanes["www.sohu.com"].note.startswith("reset: ")
    assert lanes["no target"].note.startswith("usage: ")
    assert [each.name for each in phases_of(trace, lanes["www.163.com"])] == PHASES
    assert [each.name for each in phases_of(trace, lanes["www.sohu.com"])] == PHASES
    assert [each.name for each in phases_of(trace, lanes["nohost.test"])] == ["dns"]
    assert (
        [each.name for each in phases_of(trace, lanes["www.sina.com.cn"])]
        == [
            *("dns", "connect", "tls", "connect"),  # again, since its certificate is not trusted
            *PHASES[2:],
        ]
    )
    for name in ("www.163.com", "www.sohu.com", "nohost.test"):
        inside(lanes[name], phases_of(trace, lanes[name]))
    assert {each.place.partition(":")[0] for each in lanes["www.163.com"].slices if each.kind} == {"fetch/request.py"}
    [process] = trace.processes
    assert (process.name, process.mode, process.exit_code) == ("client wget", "at once", 1)


def inside(task: Task, phases: Sequence[Phase]) -> None:
    """Check that phases follow one another, within their task."""
    assert task.end_s is not None
    times = [task.begin_s, *(at_s for each in phases for at_s in (each.begin_s, each.end_s)), task.end_s]
    assert all(before <= after + 2e-6 for before, after in itertools.pairwise(times)), times


async def test_retries_are_marks(lab: ClientSettings, tmp_path: Path) -> None:
    """Of the lane that is fetched again, which goes through its phases twice."""
    faults = [{"fault": "status", "status": 503, "first": 1}]
    await ask(lab, "www.163.com", "PUT", "/faults/www.163.com", body={"faults": faults})
    options = Options(["www.163.com"], trace=str(tmp_path / "t.json"), retries=1)
    assert await wget.main(options, lab, Stop()) == 0
    trace = await read(tmp_path / "t.json")
    [task] = trace.tasks
    assert [(mark.task, mark.kind, mark.text) for mark in trace.marks] == [(task.id, "retry", "503")]
    assert [each.name for each in phases_of(trace, task)] == PHASES * 2


@pytest.mark.parametrize("edition", ["sequential", "yield-from", "await"])
async def test_a_lesson_has_a_phase_a_fetch(lab: ClientSettings, tmp_path: Path, edition: str) -> None:
    """With the phases of a fetch in it, as far as its waits tell, and its status line as how it ended."""
    options = Options([], edition=edition, trace=str(tmp_path / "t.json"))
    assert await wget.main(options, lab, Stop()) == 0
    trace = await read(tmp_path / "t.json")
    pieces = {each.name: each for each in trace.phases if each.note}
    assert {name: each.note for name, each in pieces.items()} == {
        "www.sina.com.cn": "200 OK",
        "www.sohu.com": "200 OK",
        "www.163.com": "302 Moved Temporarily",
    }
    assert len({each.task for each in pieces.values()}) == (1 if edition == "sequential" else 3)
    for piece in pieces.values():
        of_it = [
            each
            for each in trace.phases
            if each.task == piece.task and not each.note and piece.begin_s <= each.begin_s and each.end_s <= piece.end_s
        ]
        assert [each.name for each in of_it] == ["connect", "send", "first byte", "head"]
    assert trace.processes[0].mode == ("one after another" if edition == "sequential" else "at once")


@pytest.mark.parametrize("what", ["wget", "hello", "pipeline"])
async def test_a_comparison_is_two_processes_on_one_clock(lab: ClientSettings, tmp_path: Path, what: str) -> None:
    """With a title each; every piece of work is a phase that says how it ended."""
    options = compare.Options(what, None, "json", 10, str(tmp_path / "t.json"))
    assert await compare.main(options, lab, Stop()) == 0
    trace = await read(tmp_path / "t.json")
    assert [(each.title, each.mode) for each in trace.processes] == [
        ("One after another", "one after another"),
        ("At once", "at once"),
    ]
    first, second = trace.processes
    assert first.began_s + first.total_s <= second.began_s
    pieces = [
        [each for each in trace.phases if each.note and each.process == process.id] for process in (first, second)
    ]
    assert {each.name for each in pieces[0]} == {each.name for each in pieces[1]}
    assert all(each.ok for each in pieces[0] + pieces[1])


async def test_hello_has_a_lane_a_user(lab: ClientSettings, tmp_path: Path) -> None:
    """Named by the user, child of the first task, and ended as it was answered."""
    options = hello.Options(users=5, timeout_s=10, trace=str(tmp_path / "t.json"))
    assert await hello.main(options, lab, Stop()) == 0
    trace = await read(tmp_path / "t.json")
    users = {task.name: task for task in trace.tasks if task.name.startswith("user-")}
    assert sorted(users) == [f"user-{n}" for n in range(1, 6)]
    assert {(task.parent, task.group, task.note, task.ok) for task in users.values()} == {(1, 1, "200 OK", True)}


@pytest.mark.parametrize("trace", ["{}", "{}/no/t.json"])
async def test_a_file_that_cannot_be_written_is_refused_first(
    lab: ClientSettings, tmp_path: Path, trace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3, and no site has been asked."""
    name = trace.format(tmp_path)
    mains = (
        wget.main(Options(["www.163.com"], trace=name), lab, Stop()),
        compare.main(compare.Options("wget", None, "human", 10, name), lab, Stop()),
        hello.main(hello.Options(3, 10, name), lab, Stop()),
    )
    for main in mains:
        with pytest.raises(CannotWrite) as refused:
            await main
        assert refused.value.exit_code == 3
    assert capsys.readouterr().out == ""
    entries = (await ask(lab, "www.163.com", "GET", "/journal", query={"host": "www.163.com"})).data["entries"]
    assert entries == []


async def test_processes_and_a_trace_are_a_contradiction(lab: ClientSettings, tmp_path: Path) -> None:
    """One process is recorded."""
    with pytest.raises(Contradiction, match="record one process"):
        await wget.main(Options(["www.163.com"], trace=str(tmp_path / "t.json"), processes=2), lab, Stop())


@pytest.mark.parametrize("option", ["input", "output"])
async def test_a_survey_is_not_recorded_into_its_input_or_output(tmp_path: Path, option: str) -> None:
    """What it reads and what it writes would be lost."""
    names = {"input": str(tmp_path / "hosts.txt"), "output": str(tmp_path / "heads.jsonl")}
    options = Options([], input=names["input"], output=names["output"], format="jsonl", trace=names[option])
    with pytest.raises(OneFile, match=f"--trace and --{option} both name"):
        await wget.main(options, ClientSettings(), Stop())
