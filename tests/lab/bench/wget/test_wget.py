"""The bench of wget from start to end, with a few targets: every contestant fetches them, and every row is there."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from lab.bench.baselines import null_fetch
from lab.bench.errors import BenchFailed
from lab.bench.harness import containers
from lab.bench.harness.figures import Group, Row
from lab.bench.harness.load import servers
from lab.bench.harness.machine import Core
from lab.bench.harness.peers import CURL, NGINX, WRK, Peer
from lab.bench.harness.processes import Cost, Server
from lab.bench.harness.rounds import Rounds
from lab.bench.wget import contestants, hosts, many_hosts, million, newest_curl, one_host, result, stages
from lab.bench.wget.contestants import AIOHTTP, CURL_NAME, LOOPS, Work, program
from lab.bench.wget.hosts import Hosts
from services.client.survey.survey import MAX_PROCESSES
from services.runtime.process import usable_cores

TINY = Rounds(number=1, seconds=1.0, targets=30, users=(), hosts=100)
OURS = [f"services.client, {loop}" for loop in LOOPS]
AIOHTTPS = [f"aiohttp client, {loop}" for loop in LOOPS]
ABSENT = Peer("no-such-program", "no-such-package", ())


@pytest.mark.timeout(240)  # a score of programs, one after the other, and hosts that are waited for
@pytest.mark.parametrize("present", [True, False], ids=["with the peers that are here", "without any"])
def test_wget_has_a_row_for_each_contestant_that_can_run(monkeypatch: pytest.MonkeyPatch, present: bool) -> None:
    """Speed, processor time and memory, as ratios to other programs; missing ones are named."""
    monkeypatch.setattr(containers, "refusal", lambda: "no engine answers")
    monkeypatch.setattr(contestants, "NEARLY", 0.5)  # a busy machine keeps a deadline from many
    if not present:
        for module in (one_host, many_hosts, result):
            for name in {"NGINX", "CURL", "WRK"} & vars(module).keys():
                monkeypatch.setattr(module, name, ABSENT)
    here = [peer for peer in (NGINX, CURL, WRK) if present and peer.path()]
    found = result.bench(TINY, lambda _: None)
    curl, ceiling = [CURL_NAME] * (CURL in here), [one_host.CEILING] * (WRK in here)
    one, many = found.groups[:3], found.groups[3:]
    for group in one:
        assert [row.subject for row in group.rows] == [*OURS, *curl, *AIOHTTPS, one_host.NULL, *ceiling]
    for group in many:
        assert [row.subject for row in group.rows] == [*OURS, *curl, AIOHTTP]
    assert len(many) == (3 if NGINX in here else 0)
    assert {row[0] for row in found.tables[0].rows} >= {stages.NULL_STAGE, stages.START_STAGE, stages.REST_STAGE}
    assert all(goal.held_by for group in one for goal in group.goals)
    assert all(group.reference == (curl or [AIOHTTP])[0] for group in found.groups)
    assert all(row.median > 0 for group in found.groups for row in group.rows)
    assert len(found.notes) == 3 - len(here)
    assert ("the newest curl is left out: no engine answers" in found.method) is (NGINX in here)


def test_in_containers_both_fetch_from_the_same_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest curl counts its URL up; ours has its list on stdin. What a container needs to start is not counted."""

    def cost_in(
        name: str, image: str, words: list[str], *, timeout_s: float, stdin: bytes = b"", volumes: object = None
    ) -> Cost:
        ran[name] = image
        if volumes == {Path(null_fetch.__file__): words[1]}:
            return Cost(f"{words[3]}\n", 1.0, 0.1, 0)
        if "services.client" in words:
            record = '{"error": null, "status": 200}\n'
            return Cost(record * stdin.count(b"\n"), 1.0, 0.1, 0)
        assert timeout_s
        return Cost("0 200 http://x/\n" * int(words[-1].rpartition("-")[2].rstrip("]")), 2.0, 0.1, 0)

    ran: dict[str, str] = {}
    for name, value in {"refusal": str, "peers_image": lambda _say: "peers", "cost_in": cost_in}.items():
        monkeypatch.setattr(containers, name, value)
    monkeypatch.setattr(containers, "own_image", lambda name: f"own/{name}")
    monkeypatch.setattr(containers, "version", lambda *_: "8.22.0")
    monkeypatch.setattr(servers, "nginx", lambda _core: nullcontext(Server(80, 0)))
    (rates, costs), said = newest_curl.measure(TINY, Core(), lambda _: None, held_by="its start 90%")
    assert said == "in containers: curl 8.22.0 of peers, and own/client"
    assert sorted(ran.values()) == ["own/client", "own/client", "peers"]
    assert [round(rates.ratio(row) or 0) for row in rates.rows] == [9, 1, 9]
    assert [round(group.ceiling(group.goals[0]) or 0, 1) for group in (rates, costs)] == [8.6, 0.2]


def test_the_stages_are_the_whole_of_a_fetch() -> None:
    """What no stage was measured for is the last one; the large ones are named, the largest first."""
    found = stages.stages(100.0, null_us=30.0, start_us=10.0)
    assert sum(stage.us for stage in found) == pytest.approx(100.0)
    assert all(stage.us > 0 for stage in found)
    assert [row[0] for row in stages.table(found).rows] == [stage.name for stage in found]
    some = [stages.Stage("a", 9.0, 0.09), stages.Stage("b", 1.0, 0.01), stages.Stage("c", 90.0, 0.9)]
    assert stages.held_by(some) == "c 90%, a 9% of its processor time"


@pytest.mark.parametrize(("targets", "is_long"), [(30, False), (40_000, True)])
def test_the_start_is_that_of_all_processes(targets: int, is_long: bool) -> None:
    """Of one, where the list is too short for several."""
    *_, processes = stages.start_command(len(one_host.work(targets, one_host.HOST).lines()), 64, ())
    assert int(processes) == (min(usable_cores(), MAX_PROCESSES) if is_long else 1)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (['{"error": null, "status": 200}', '{"error": "refused", "status": null}'], "1 of 2 targets were answered"),
        (['{"error": null, "status": 200}'], "1 have a record"),
    ],
    ids=["one fails", "one has no record"],
)
def test_a_contestant_that_loses_a_target_has_no_figure(lines: list[str], said: str) -> None:
    """It would be faster by fetching less."""
    command = ["printf", "%s\\n", *lines]
    with pytest.raises(BenchFailed, match=said):
        program("it", command, "", Work(["a", "b"], 1, 2), contestants.is_answered)


def test_a_list_has_dead_and_dripping_hosts_and_tls_for_half(tmp_path: Path) -> None:
    """Each host is asked as often with TLS as without."""
    here = Hosts(200, 80, 443, tmp_path)
    urls = here.urls(2)
    assert len(set(urls)) == 400
    assert sum(url.startswith("https:") for url in urls) == 200
    dead = [host for host in range(200) if hosts.is_dead(host)]
    assert (len(dead), len(here.dripping())) == (40, 2)
    assert sorted([*dead, *here.dripping(), *here.answering()]) == list(range(200))
    assert many_hosts.work_at(here, TINY).answered == 158 * many_hosts.EACH


@pytest.mark.parametrize(("mib", "kept"), [(59.0, True), (61.0, False)])
def test_the_memory_of_all_processes_has_a_goal(mib: float, kept: bool) -> None:
    """In MiB, and not as a ratio."""
    rows = Row(contestants.OURS, (mib,), ours=True), Row(one_host.NULL, (45.0,))
    assert one_host.memory_goal(Group("memory", "MiB", rows, "")).kept is kept


def test_memory_is_read_early_and_late() -> None:
    """Both figures are of a program that ran; every target has its record, or there is no figure."""
    (group,) = million.bench(lambda _: None, targets=3_000, first=1_000).groups
    early, late = group.rows
    assert (early.subject, late.subject) == ("after 1,000 records", "at most, until 3,000")
    assert early.median > 5
    assert late.median > 5


def test_a_record_of_curls_is_one_however_many_lines_it_has() -> None:
    """Its fields are in lines behind it; a status without the end of the head is no answer."""
    out = '0 200 http://a/ {"server":["x"],\n"date":["y"]\n}\n28 200 http://b/ {\n}\n7 000 http://c/ {\n}\n'
    lines = [line for line in out.splitlines() if contestants.CURL_BEGINS.match(line)]
    assert [line.startswith(contestants.CURL_ANSWERED) for line in lines] == [True, False, False]
