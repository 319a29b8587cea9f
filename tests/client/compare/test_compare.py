"""`client compare` in one process, against an embedded lab and against other servers."""

import asyncio
import io
import itertools
import json
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len

from lab.embedded.program import embedded_lab
from services.client.admin.api import ask
from services.client.compare import wget
from services.client.compare.command import Contradiction, Options, main, measure
from services.client.compare.picture import ALONE, CAPTIONS, explanation, picture
from services.client.compare.runs import Comparison, DiscardedOutput, Run
from services.client.settings import TUTORIAL_HOSTS, ClientSettings
from services.client.trace.model import Clock, Process, Trace
from services.client.trace.terminal import Terminal
from services.hello.settings import HelloSettings
from services.runtime.run import Stop
from services.sites.settings import SitesSettings
from tests.client.peers import sends, serving

pytestmark = pytest.mark.anyio

SHORT_S = {host: delay_s / 10 for host, delay_s in wget.DELAYS_S.items()}
OK = b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ClientSettings]:
    """Give a lab whose delays are a tenth of what they are."""
    monkeypatch.setattr(wget, "DELAYS_S", SHORT_S)
    async with embedded_lab(HelloSettings(delay_s=0.05), SitesSettings(drain_s=0)) as settings:
        yield settings


def asked_for(what: str = "wget", *, users: int | None = None, form: str = "human", timeout_s: float = 10) -> Options:
    """Return options."""
    return Options(what, users, form, timeout_s)


async def plans(settings: ClientSettings) -> list[Mapping[str, object]]:
    """Return the plan of every tutorial host as it is."""
    return [(await ask(settings, host, "GET", f"/faults/{host}")).data for host in TUTORIAL_HOSTS]


async def set_plans(settings: ClientSettings) -> list[Mapping[str, object]]:
    """Give each host a plan of its own, one of which has seen something; return them as they are then."""
    for host, fault in zip(TUTORIAL_HOSTS, ({"fault": "drip"}, {"fault": "status", "status": 503}, None), strict=True):
        body = {"faults": [{**fault, "every": 2}] if fault else []}
        assert (await ask(settings, host, "PUT", f"/faults/{host}", body=body)).status == 200
    return await plans(settings)


@pytest.mark.parametrize("what", ["wget", "hello", "pipeline"])
async def test_both_runs_are_recorded_and_told_by_lesson(
    lab: ClientSettings, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each piece of work is a phase of its name; one after another they follow, at once they are tasks of their own."""
    assert await main(asked_for(what, form="json"), lab, Stop()) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert (found["v"], found["what"]) == (1, what)
    assert found["loop"] == type(asyncio.get_running_loop()).__module__.partition(".")[0]
    sequential, at_once = found["runs"]
    assert (sequential["lesson"], at_once["lesson"]) == ("sequential", "await")
    assert list(sequential["done"].values()) == [True] * len(at_once["done"])
    names = list(sequential["done"])
    for run in found["runs"]:
        recording = run["recording"]
        assert recording["loop"] == found["loop"]
        phases = {phase["name"]: phase for phase in recording["phases"] if phase["name"] in names}
        assert list(phases) == names or run is at_once
        tasks = {phases[name]["task"] for name in names}
        if run is sequential:
            assert tasks == {1}
            ordered = [phases[name][side] for name in names for side in ("begin_s", "end_s")]
            assert ordered == sorted(ordered)
        else:
            assert len(tasks) == len(names)
            by_id = {task["id"]: task for task in recording["tasks"]}
            assert [by_id[phases[name]["task"]]["name"] for name in names] == names
            assert {by_id[each]["parent"] for each in tasks} == {1}
    totals = [run["recording"]["total_s"] for run in found["runs"]]
    assert found["ratio"] == pytest.approx(totals[0] / totals[1], abs=0.001)
    if what != "pipeline":
        assert found["ratio"] > 1


@pytest.mark.parametrize("what", ["wget", "hello", "pipeline"])
async def test_the_picture_fits_and_says_totals_ratio_loop_and_what_to_see(lab: ClientSettings, what: str) -> None:
    """In every width, with Unicode and without."""
    comparison = await measure(asked_for(what), lab)
    loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    for columns, unicode in itertools.product((40, 80, 200), (True, False)):
        drawn = picture(comparison, Terminal(columns, unicode))
        assert all(cell_len(line) <= columns for line in drawn.splitlines())
        assert drawn.isascii() is not unicode
        words = " ".join(drawn.split())
        assert explanation(comparison) in words
        first, second = re.findall(r"(\d+\.\d{3} m?s)$", drawn, re.MULTILINE)[:2]
        assert re.search(rf"{first} one after another, {second} at once: \d+\.\d times as fast, on {loop}\.", words)


def measured(what: str, *totals_s: float, pieces: int = 2, answered: bool = True) -> Comparison:
    """Return a comparison whose two runs took so long."""
    done = {f"piece-{n}": answered for n in range(pieces)}
    first, second = (Run("any", Trace((process(total_s),)), done) for total_s in totals_s)
    return Comparison(what, first, second)


def process(total_s: float) -> Process:
    """Return a process that was recorded for so long."""
    clock = Clock("boot", monotonic_s=0.0, unix_s=0.0, error_s=0.0)
    return Process(1, "client compare", "compare", "asyncio", "", "", datetime.now(UTC), 0.0, total_s, clock)


@pytest.mark.parametrize("what", CAPTIONS)
async def test_what_is_said_follows_from_what_was_measured(what: str) -> None:
    """A little more or less is noise; with one piece of work there is nothing to see, and without an answer, too."""
    captions = CAPTIONS[what]
    for first_s, second_s in ((1.0, 1.0), (1.0, 1.2), (1.2, 1.0)):
        assert explanation(measured(what, first_s, second_s)) == captions.equal
    assert explanation(measured(what, 3.0, 1.0)) == captions.faster
    assert explanation(measured(what, 1.0, 2.0)) == captions.slower
    assert len({captions.faster, captions.equal, captions.slower}) == 3
    assert explanation(measured(what, 1.0, 1.0, pieces=1)) == ALONE
    assert explanation(measured(what, 3.0, 1.0, answered=False)) == ""


async def test_the_picture_alone_is_on_stdout_as_the_terminal_has_it(
    lab: ClientSettings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the heads that were fetched; and in ASCII where the locale has no more."""
    for name, value in {"COLUMNS": "50", "LC_ALL": "C", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    assert await main(asked_for(), lab, Stop()) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("one after another: ")
    assert out.isascii()
    assert max(map(len, out.splitlines())) == 50
    assert "header >" not in out
    assert "\x1b" not in out


async def test_at_once_the_lanes_lie_below_one_another(
    lab: ClientSettings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after another they are a staircase: each begins where the one before ended."""
    monkeypatch.setenv("COLUMNS", "100")
    assert await main(asked_for("hello", users=4), lab, Stop()) == 0
    lanes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  user-")]
    begins, ends = ([side(line[9:]) for line in lanes] for side in (first_place, len))
    assert begins[:4] == sorted(set(begins[:4]))
    assert all(begin >= end - 1 for begin, end in zip(begins[1:4], ends, strict=False))
    assert max(begins[4:]) < min(ends[4:])


def first_place(bar: str) -> int:
    """Return where a bar begins."""
    return len(bar) - len(bar.lstrip())


async def test_the_plans_of_the_sites_are_as_before_after_it(lab: ClientSettings) -> None:
    """To the generation and to what they had seen; and they had no part in the comparison."""
    before = await set_plans(lab)
    assert await main(asked_for(), lab, Stop()) == 0
    assert await plans(lab) == before


async def test_the_plans_are_as_before_after_a_stop(lab: ClientSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """^C in the middle of a fetch: exit 130, and no site keeps its delay."""
    monkeypatch.setattr(wget, "DELAYS_S", dict.fromkeys(wget.DELAYS_S, 3600.0))
    before = await set_plans(lab)
    stop = Stop()
    comparing = asyncio.ensure_future(main(asked_for(timeout_s=3600), lab, stop))
    while any(plan["source"] != "temporary" for plan in await plans(lab)):
        pass
    stop.event.set()
    assert await comparing == 130
    assert await plans(lab) == before


async def test_the_plans_are_as_before_after_a_stop_at_any_moment(lab: ClientSettings) -> None:
    """Also while the sites are asked: a delay that a site has accepted must be removed."""
    before = await set_plans(lab)
    for turns in range(0, 60, 3):
        stop = Stop()
        comparing = asyncio.ensure_future(main(asked_for(), lab, stop))
        for _ in range(turns):
            await asyncio.sleep(0)
        stop.event.set()
        assert await comparing == 130
        assert await plans(lab) == before, turns


async def test_the_plans_are_as_before_after_a_failure(
    lab: ClientSettings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the delays are longer than the deadline: no answer, no picture, exit 4."""
    monkeypatch.setattr(wget, "DELAYS_S", dict.fromkeys(wget.DELAYS_S, 3600.0))
    before = await set_plans(lab)
    assert await main(asked_for(timeout_s=0.5), lab, Stop()) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("head_timeout: no whole head within 0.5 s\n") == 6
    assert await plans(lab) == before


async def test_sites_that_cannot_be_asked_are_measured_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """A line says so for each; one that does not answer at all is a note in its lane, exit 1, and no ratio."""
    peers = {"www.sina.com.cn": sends(OK), "www.sohu.com": sends(OK), "www.163.com": sends(b"")}
    async with serving(**peers) as topology:
        assert await main(asked_for(), ClientSettings(topology=topology), Stop()) == 1
    out, err = capsys.readouterr()
    assert out.count("no answer\n") == 2
    assert "so they do not compare" in " ".join(out.split())
    assert "times as fast" not in out
    for host in peers:
        assert (
            f"compare: {host} cannot be asked for a delay, so it is measured as it is: refused: {host} has no port 8081"
            in err
        )
    assert err.count("wget www.163.com: closed: ") == 2


async def test_another_admin_side_than_the_labs_is_measured_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Any server may answer on port 8081."""
    other = sends(b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
    async with serving(**{host: sends(OK) for host in TUTORIAL_HOSTS}, admin=other) as topology:
        routes = {(host, 8081): topology.routes["admin", 80] for host in TUTORIAL_HOSTS}
        assert await main(asked_for(), ClientSettings(topology=topology.with_routes(routes)), Stop()) == 0
    out, err = capsys.readouterr()
    assert err.count("measured as it is: its admin side answered 404\n") == 3
    assert "times as fast" in out


async def test_a_server_that_is_not_there_is_exit_4(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each user without an answer, and no picture."""
    async with serving(gone=sends(b"")) as topology:
        host, port = topology.routes["gone", 80]
    settings = ClientSettings(hello_url=f"http://{host}:{port}")
    assert await main(asked_for("hello", users=2), settings, Stop()) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert len(re.findall(r"^hello http://\S+: user-[12]: refused: ", err, re.MULTILINE)) == 4


async def test_all_sites_take_as_long_as_is_asked_for(lab: ClientSettings) -> None:
    """Each fetch of both runs waits for so long: three times in a row, and once."""
    measured = await measure(Options("wget", None, "json", 10, delay_s=0.5), lab)
    assert measured.sequential.trace.total_s >= 1.5
    assert 0.5 <= measured.at_once.trace.total_s < measured.sequential.trace.total_s
    assert [plan["faults"] for plan in await plans(lab)] == [[], [], []]


@pytest.mark.parametrize("what", ["hello", "pipeline"])
async def test_a_delay_is_of_sites_alone(what: str) -> None:
    """The others have their own time, or none."""
    with pytest.raises(Contradiction, match=f"compare {what} has no --delay"):
        await main(Options(what, None, "json", 10, delay_s=1), ClientSettings(), Stop())


@pytest.mark.parametrize("what", ["wget", "pipeline"])
async def test_users_are_of_hello_alone(what: str) -> None:
    """An option without an effect is refused."""
    with pytest.raises(Contradiction, match=f"compare {what} has no --users"):
        await main(asked_for(what, users=3), ClientSettings(), Stop())


async def test_output_of_the_measured_work_is_dropped() -> None:
    """It takes no memory."""
    output = DiscardedOutput()
    assert output.write("text") == 4
    assert isinstance(output, io.TextIOBase)
