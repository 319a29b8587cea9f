"""Runs: their events come as the client writes them, they are bounded, and they end with the server."""

import errno
import json
import os
import tempfile
from dataclasses import replace

import pytest

from services.watch.runs import report
from services.watch.settings import RunLimits
from tests.watch.serving import QUICK, lab_and_page, watched
from tests.watch.stand_in import ERROR, LINES, MANY

pytestmark = pytest.mark.anyio


async def test_a_page_sees_each_event_of_a_run_in_order() -> None:
    """They come over the stream as they are written; the file of the trace has the same ones."""
    async with lab_and_page() as (_lab, page), page.events() as events:
        run = await page.run(targets=["www.163.com"])
        traced, ended = await events.end_of(run["id"])
        assert traced == [json.loads(line) for line in LINES["ends"]]
        assert (ended["state"], ended["exit_code"], ended["events"], ended["dropped"]) == ("ended", 0, 3, 0)
        status, file = await page.ask("GET", f"/api/runs/{run['id']}/trace")
        assert (status, file) == (200, traced)


async def test_a_run_says_how_a_person_makes_it_again() -> None:
    """The command line, as a shell takes it."""
    async with lab_and_page(called="lab embedded") as (_lab, page):
        run = await page.run(targets=["www.163.com", "http://www.sohu.com/?a=b&c"], mode="sequential", loop="uvloop")
        assert run["command"] == (
            "lab embedded wget --concurrency 1 --loop uvloop www.163.com 'http://www.sohu.com/?a=b&c'"
        )


@pytest.mark.parametrize(
    ("behaviour", "code", "said"),
    [("fails", ERROR, "client wget: it does not work \\x1b[2J"), ("ends", 0, "")],
    ids=["fails", "ends"],
)
async def test_a_run_that_fails_says_why(behaviour: str, code: int, said: str) -> None:
    """What it printed for a person, without control characters."""
    async with watched(behaviour=behaviour) as page, page.events() as events:
        run = await page.run("hello")
        _, ended = await events.end_of(run["id"])
        assert (ended["exit_code"], ended["said"], ended["state"]) == (code, said, "ended")


@pytest.mark.parametrize("behaviour", ["endless", "stubborn"])
async def test_a_page_stops_a_run(behaviour: str) -> None:
    """By SIGINT, and by SIGKILL where that is not enough."""
    async with watched(behaviour=behaviour) as page, page.events() as events:
        run = await page.run("hello")
        await events.until("run", id=run["id"], first=0)
        assert (await page.ask("DELETE", f"/api/runs/{run['id']}"))[0] == 200
        _, ended = await events.end_of(run["id"])
        assert (ended["state"], ended["note"]) == ("stopped", "it was stopped")
        assert ended["exit_code"] == (130 if behaviour == "endless" else 137)
        assert (await page.ask("DELETE", f"/api/runs/{run['id']}"))[1]["state"] == "stopped"


async def test_a_run_has_a_time_limit() -> None:
    """The page is told."""
    async with watched(behaviour="endless", limits=replace(QUICK, run_s=0.5)) as page, page.events() as events:
        run = await page.run("hello")
        _, ended = await events.end_of(run["id"])
        assert (ended["state"], ended["note"]) == ("stopped", "it was stopped after 0.5 s, the limit of a run")


async def test_more_runs_than_there_may_be_are_refused() -> None:
    """Until one has ended; a run that is started twice is two runs."""
    async with watched(behaviour="endless") as page, page.events() as events:
        first, second = await page.run("hello"), await page.run("hello")
        assert first["id"] != second["id"]
        status, refused = await page.ask("POST", "/api/runs", {"program": "hello"})
        assert (status, refused) == (429, {"error": "2 runs are under way: wait for one of them, or stop it"})
        await page.ask("DELETE", f"/api/runs/{first['id']}")
        await events.end_of(first["id"])
        await page.run("hello")


async def test_the_oldest_runs_are_forgotten() -> None:
    """Beyond the number that is kept."""
    async with watched(limits=replace(QUICK, kept=2)) as page, page.events() as events:
        for _ in range(3):
            await events.end_of((await page.run("hello"))["id"])
        _, state = await page.ask("GET", "/api/state")
        assert [run["id"] for run in state["runs"]] == ["2", "3"]
        status, refused = await page.ask("GET", "/api/runs/1/trace")
        assert (status, refused) == (404, {"error": "there is no run 1: only the last 2 are kept"})


@pytest.mark.parametrize(
    ("limits", "kept"),
    [(replace(QUICK, events=100), 100), (replace(QUICK, trace_bytes=len(LINES["ends"][0]) + 10), 1)],
    ids=["events", "bytes"],
)
async def test_events_beyond_the_limits_are_counted(limits: RunLimits, kept: int) -> None:
    """The trace keeps its beginning."""
    async with watched(behaviour="many", limits=limits) as page, page.events() as events:
        run = await page.run("hello")
        traced, ended = await events.end_of(run["id"])
        assert (len(traced), ended["events"], ended["dropped"]) == (kept, kept, MANY + 1 - kept)


async def test_traces_beyond_the_memory_of_all_runs_are_forgotten() -> None:
    """The newest stays, whatever its size."""
    async with watched(limits=replace(QUICK, kept_bytes=1)) as page, page.events() as events:
        for _ in range(2):
            await events.end_of((await page.run("hello"))["id"])
        assert [run["id"] for run in (await page.ask("GET", "/api/state"))[1]["runs"]] == ["2"]


async def test_lines_that_are_no_events_are_left_out() -> None:
    """A page gets JSON, whatever the client writes."""
    async with watched(behaviour="garbage") as page, page.events() as events:
        run = await page.run("hello")
        traced, ended = await events.end_of(run["id"])
        assert traced == [json.loads(LINES["garbage"][0]), json.loads(LINES["garbage"][-1])]
        assert ended["dropped"] == 0


async def test_the_ledger_of_a_pipeline_is_told() -> None:
    """It is the last line of its output."""
    async with watched(behaviour="ledger") as page, page.events() as events:
        run = await page.run("pipeline", n=3)
        told = await events.until("pipeline", id=run["id"])
        assert told.data["ledger"] == {"attempted": 3, "recorded": 3}


async def test_a_client_that_cannot_be_started_is_an_ended_run() -> None:
    """With the reason."""
    async with watched(client=("/no/such/program",)) as page, page.events() as events:
        run = await page.run("hello")
        _, ended = await events.end_of(run["id"])
        assert ended["state"] == "ended"
        assert ended["exit_code"] != 0


@pytest.mark.parametrize("behaviour", ["endless", "stubborn"])
async def test_no_run_outlives_the_server(behaviour: str) -> None:
    """A client that ignores SIGINT is killed."""
    async with watched(behaviour=behaviour) as page, page.events() as events:
        run = await page.run("hello")
        begun = await events.until("run", id=run["id"], first=0)
        child = begun.data["events"][0]["pid"]
        assert is_running(child)
    assert not is_running(child)


def is_running(pid: int) -> bool:
    """Return whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(("query", "language"), [("", "en"), ("?lang=zh", "zh")])
async def test_a_run_that_has_ended_has_a_report(query: str, language: str) -> None:
    """The client makes it of the trace; a browser runs nothing of it, and lets nothing else in."""
    async with watched(called="lab run") as page, page.events() as events:
        run = await page.run("hello")
        await events.end_of(run["id"])
        async with page.session.get(f"{page.url}/api/runs/{run['id']}/report{query}") as response:
            assert response.content_type == "text/html"
            assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src")
            made = json.loads(await response.text())
        assert made == [3, "--language", language, "--command", "lab run hello --users 100 --loop asyncio"]


@pytest.mark.parametrize(
    ("behaviour", "path", "status", "reason"),
    [
        ("fails", "1/report", 502, "no report could be made: client: no trace"),
        ("silent", "1/report", 404, "run 1 has no trace, and so no report"),
        ("ends", "1/report?lang=xx", 400, "lang: give one of en, zh"),
        ("ends", "2/report", 404, "there is no run 2"),
    ],
    ids=["the client fails", "no trace", "another language", "no run"],
)
async def test_a_report_that_cannot_be_made_is_one_line(behaviour: str, path: str, status: int, reason: str) -> None:
    async with watched(behaviour=behaviour) as page, page.events() as events:
        await events.end_of((await page.run("hello"))["id"])
        found, refused = await page.ask("GET", f"/api/runs/{path}")
        assert found == status
        assert refused["error"].startswith(reason)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [("gettempdir", "cannot make a temporary directory"), ("write_trace", "No space left on device")],
)
async def test_a_report_needs_room_for_its_trace(monkeypatch: pytest.MonkeyPatch, broken: str, reason: str) -> None:
    """Where there is none, one line says so, and the server goes on."""

    def full(*_any: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with watched() as page, page.events() as events:
        await events.end_of((await page.run("hello"))["id"])
        with monkeypatch.context() as patch:
            patch.setattr(tempfile if broken == "gettempdir" else report, broken, full)
            status, refused = await page.ask("GET", "/api/runs/1/report")
        assert (status, reason in refused["error"]) == (503, True)
        async with page.session.get(f"{page.url}/api/runs/1/report") as response:
            assert response.status == 200


async def test_a_run_that_is_under_way_has_no_report_yet() -> None:
    async with watched(behaviour="endless") as page:
        run = await page.run("hello")
        status, refused = await page.ask("GET", f"/api/runs/{run['id']}/report")
        assert (status, refused["error"]) == (409, "run 1 is under way: its report is there when it has ended")
