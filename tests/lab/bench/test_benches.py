"""The benches from start to end, with a load of a few requests: every contestant runs, and every row is there."""

import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.bench import gateway, sites, stalled
from lab.bench.harness import containers
from lab.bench.harness.figures import Result
from lab.bench.harness.load import loaded, servers
from lab.bench.harness.load.wrk import Load, load
from lab.bench.harness.peers import NGINX, WRK, Peer
from lab.bench.harness.processes import Cost
from lab.bench.harness.rounds import QUICK, Rounds
from lab.bench.hello import result as hello
from lab.bench.hello import users, without_sleep
from lab.cli import main
from tests.lab.bench.goals import every_ceiling_is_measured

TINY = Rounds(number=2, seconds=0.3, targets=20, users=(5,))
LOOPS = ("uvloop", "asyncio")
SITES = [f"{name}, {loop}" for name in ("services.sites", "null protocol") for loop in LOOPS]
NGINX_ROW = ["nginx"] if NGINX.path() else []


class FewRequests:
    """A load of three requests, each on its own connection, that keeps the answers."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []

    def __call__(
        self, url: str, *, seconds: float, core: Sequence[str], fields: Sequence[str] = (), script: Path | None = None
    ) -> Load:
        """Ask, and return made-up figures."""
        target = script.read_text().split('"')[1] if script else "/"
        host, _, port = url.removeprefix("http://").removesuffix("/").partition(":")
        given = "".join(f"{field}\r\n" for field in fields or (f"Host: {host}",))
        for _ in range(3):
            self.answers.append(servers.answer_of(int(port), f"GET {target} HTTP/1.1\r\n{given}\r\n".encode()))
        return Load(3 / seconds, 3, 0, Cost("", seconds, 0.1, 1_000))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> FewRequests:
    """Put a few requests in the place of wrk."""
    requests = FewRequests()
    monkeypatch.setattr(loaded, "load", requests)
    monkeypatch.setattr(containers, "refusal", lambda: "no engine")
    for bench in (sites, hello, gateway):
        monkeypatch.setattr(bench, "WRK", Peer("sh", "dash", ("-v",)))
    return requests


def shape(result: Result) -> dict[str, list[str]]:
    """Return the subjects of each group."""
    return {group.title: [row.subject for row in group.rows] for group in result.groups}


def without_date(answer: bytes) -> bytes:
    """Return an answer without the one line that nginx changes from second to second."""
    return b"\r\n".join(line for line in answer.split(b"\r\n") if not line.startswith(b"Date: "))


def test_gateway_has_a_row_for_each_contestant_and_all_answer_with_the_same_bytes(few: FewRequests) -> None:
    """What stands between changes no byte; only new connections have a goal."""
    result = gateway.bench(TINY, lambda _: None)
    plain = [] if result.notes else [gateway.PLAIN]
    ours = [f"{name}, {loop}" for name in (gateway.OURS, gateway.EMBEDDED) for loop in LOOPS]
    between = [*plain, f"{gateway.NULL}, uvloop", *ours]
    found = shape(result)
    for mode in ("kept alive", "a new connection each"):
        assert found[f"gateway, {mode}"] == [gateway.DIRECT, *between]
        assert found[f"gateway, {mode}: what a request costs its server"] == [gateway.DIRECT, *between]
    assert [len(group.goals) for group in result.groups] == [0, 0, 0, 4, 0, 0]
    assert every_ceiling_is_measured(result)
    assert len(set(few.answers)) == 2


def test_sites_has_a_row_for_each_contestant_and_all_answer_with_the_same_bytes(few: FewRequests) -> None:
    """Kept alive or not: a server that sends fewer bytes is not faster."""
    result = sites.bench(TINY, lambda _: None)
    found = shape(result)
    for mode in ("kept alive", "a new connection each"):
        assert found[f"sites, {mode}"] == NGINX_ROW + SITES
        assert found[f"sites, {mode}: what a request costs its server"] == NGINX_ROW + SITES
    assert all(len(row.values) == TINY.number for group in result.groups for row in group.rows)
    assert every_ceiling_is_measured(result)
    assert len({without_date(answer) for answer in few.answers}) == 2
    assert "the newest nginx is left out: no engine" in result.notes
    delayed = [title for title in found if "error of a delay" in title]
    assert delayed or any("error of a delay is not measured" in note for note in result.notes)


def test_two_workers_cannot_do_more_than_what_is_said_to_be_the_most() -> None:
    """One worker with a core, the load with another: 1 / 30 us. Two and the load on both: 2 / (24 + 6) us, if full."""
    one = loaded.Sample(33_333, 30, 7, 1.0, 0.2, 40)
    two = loaded.Sample(60_000, 24, 6, 1.44, 0.36, 90)  # with 1.8 of 2 cores: 1.8 times one worker's rate
    assert without_sleep.held([one] * 3, [two] * 3, cores=2) == (
        "the load on the same 2 cores: it takes 6 us a request beside two workers' 24, and one takes 30, "
        "so that 2.00 is the most"
    )


def test_hello_has_a_row_for_each_loop_server_and_number_of_workers(few: FewRequests) -> None:
    """The half second first, then the server without it, beside the tutorial's, aiohttp's own, and ASGI servers."""
    result = hello.bench(TINY._replace(number=1), lambda _: None)
    at_once = [*(f"services.hello, {loop}" for loop in LOOPS), users.TWO, users.NULL]
    rates = [each.name for each in without_sleep.contestants()]
    found = shape(result)
    assert found.pop("hello, 5 users at once") == [users.IDEAL, *at_once]
    costs = (": what a request costs its server", ": memory of all processes")
    assert [found.pop(f"hello, 5 users at once{words}") for words in costs] == [at_once] * 2
    assert [title.removeprefix(without_sleep.TITLE) for title in found] == ["", *costs]
    assert [[str(row[0]) for row in table.rows] for table in result.tables] == [at_once, rates]
    assert all(rows == rates for rows in found.values())
    assert {goal.of for goal in without_sleep.GOALS} | {goal.against for goal in without_sleep.GOALS} <= set(rates)
    assert every_ceiling_is_measured(result)
    assert all(answer.endswith(b"<h1>Index</h1>") for answer in few.answers)


def test_without_wrk_there_are_no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The note says how to install it."""
    monkeypatch.setattr(sites, "WRK", Peer("no-such-program", "wrk", ()))
    result = sites.bench(TINY, lambda _: None)
    assert result.groups == ()
    assert result.notes[0].startswith("no-such-program is missing")


@pytest.mark.skipif(not WRK.path(), reason="wrk is not installed")
def test_wrk_loads_a_server_that_does_nothing_but_answer() -> None:
    """The real load, for its least time: a second."""
    with servers.low_level((), loop="uvloop") as server:
        found = load(f"{server.url}/", seconds=1, core=())
    assert found.requests > 0
    assert found.failed == 0


@pytest.mark.parametrize("argv", [["bench", "cpu"], ["bench", "sites", "--rounds", "0"], ["bench", "--frobnicate"]])
def test_what_cannot_be_benched_is_one_line_and_exit_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is started."""
    try:
        code = main(argv)
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_an_answer_is_whole_when_its_length_is_there() -> None:
    """A server that cuts it short is not measured."""
    assert servers.whole(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
    assert not servers.whole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh")
    assert not servers.whole(b"HTTP/1.1 200 OK\r\n")


def test_a_server_that_does_not_answer_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait has a deadline."""
    monkeypatch.setattr(servers, "ASK_TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        servers.answer_of(silent.getsockname()[1], b"GET / HTTP/1.1\r\n\r\n")


def test_held_connections_are_counted_and_the_journal_adds_up() -> None:
    """Kept and dropped entries together are all entries."""
    (group,) = stalled.bench(QUICK._replace(stalled=20, requests=1_000), lambda _: None).groups
    figures = {row.subject: row.median for row in group.rows}
    assert figures["connections stalled"] == 20
    assert figures["requests"] == 1_000
    assert figures["journal: kept + dropped - total"] == 0
    assert figures["journal: total"] > 1_000
