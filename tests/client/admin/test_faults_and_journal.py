"""Servers on the admin port that are no site: an error with a name, never a traceback."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Set
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.client.admin import faults, journal
from services.client.admin.answers import (
    ActiveRule,
    Entry,
    Failure,
    Journal,
    Kind,
    Kinds,
    NearMiss,
    NotASite,
    Parameter,
    Plan,
    Problem,
    Refusal,
    Verification,
    read,
)
from services.client.admin.api import Answer, WrongUsage, ask, read_json, report_refusal
from services.client.admin.tables import MAX_WIDE, columns
from services.client.errors import FetchError
from services.client.settings import ClientSettings
from services.client.topology import Topology
from services.runtime.http import ADMIN_PORT
from services.runtime.run import Stop
from tests.client.peers import Peer, sends, serving
from tests.sites.admin.test_journal import visited
from tests.sites.target import one_site

OTHER_ANSWERS = {
    "a page in Latin-1": b"caf\xe9",
    "a page that claims to be UTF-16": b"\xff\xfe\0",
    "no object": b"[]",
    "endless brackets": b"[" * 100_000,
}


@pytest.mark.anyio
@pytest.mark.parametrize("page", OTHER_ANSWERS.values(), ids=OTHER_ANSWERS)
async def test_another_server_on_the_admin_port_is_not_taken_for_a_site(page: bytes) -> None:
    """Many programs listen on port 8081."""
    async with serving(site=sends(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(page) + page)) as topology:
        routes = {("site", ADMIN_PORT): next(iter(topology.routes.values()))}
        with pytest.raises(FetchError, match="not the admin side of a site"):
            await ask(ClientSettings(topology=Topology(routes)), "site", "GET", "/faults")


def test_a_plan_in_which_a_name_is_there_twice_is_wrong_usage(tmp_path: Path) -> None:
    """Python would send the second value, and never say that there was a first."""
    plan = '[{"fault": "delay", "seconds": 1, "seconds": 2}]'
    (tmp_path / "plan.json").write_text(plan)
    for source in (plan, str(tmp_path / "plan.json")):
        with pytest.raises(WrongUsage, match="'seconds' is there twice"):
            read_json(source)


SITE = "keep.test"


@asynccontextmanager
async def answering(peer: Peer) -> AsyncIterator[ClientSettings]:
    """Have a peer answer where the admin side of a site is expected."""
    async with serving(site=peer) as topology:
        yield ClientSettings(topology=Topology({(SITE, ADMIN_PORT): next(iter(topology.routes.values()))}))


def says(data: object, status: int = 200) -> Peer:
    """Return a peer that answers with JSON."""
    body = json.dumps(data).encode()
    return sends(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)


def of_faults(action: str, **changes: object) -> faults.Options:
    """Return options of `client faults`."""
    usual: dict[str, object] = {"fault": None, "plan": None, "parameters": {}, "format": "human"}
    return faults.Options(action=action, site=SITE, **{**usual, **changes})  # type: ignore[arg-type]


def of_journal(**changes: object) -> journal.Options:
    """Return options of `client journal`."""
    usual: dict[str, object] = {"all": False, "clear": False, "verify": None, "filters": {}, "format": "human"}
    return journal.Options(site=SITE, **{**usual, **changes})  # type: ignore[arg-type]


SET = of_faults("set", fault="drip")
VERIFY = of_journal(verify='{"absent": [{}]}')
RULE = {"fault": "drip", "seen": 0, "fired": 0, "remaining_s": None}
PLAN: dict[str, object] = {"host": SITE, "generation": 2, "source": "admin", "faults": [RULE]}
FAILURE = {"check": "absent[0]", "expected": "none", "found": 1, "nearest": []}
VERDICT: dict[str, object] = {"verified": True, "considered": 0, "dropped": 0, "failures": []}

ANSWERS: dict[str, tuple[faults.Options | journal.Options, int, object, int, str]] = {
    "set: as it was asked for": (SET, 200, PLAN, 0, ""),
    "set: nothing": (SET, 200, {}, 4, "not the admin side"),
    "set: of another host": (SET, 200, {**PLAN, "host": "b.test"}, 4, "not the admin side"),
    "set: not in force": (SET, 200, {**PLAN, "faults": []}, 1, "another plan is in force (no faults)"),
    "set: another": (SET, 200, {**PLAN, "faults": [{**RULE, "fault": "rst_at"}]}, 1, "in force (rst_at)"),
    "set: none since the start": (SET, 200, {**PLAN, "generation": 0}, 1, "another plan is in force"),
    "clear: done": (of_faults("clear"), 200, {**PLAN, "faults": []}, 0, ""),
    "clear: not done": (of_faults("clear"), 200, PLAN, 1, "another plan is in force (drip)"),
    "refused": (SET, 422, {"error": "bad_plan", "problems": [{"field": "a\x1b", "reason": "b"}]}, 1, r"a\x1b: b"),
    "refused without a reason": (SET, 500, {}, 4, "not the admin side"),
    "refused, and done": (SET, 202, {"error": "bad_plan", "problems": []}, 4, "not the admin side"),
    "verified": (VERIFY, 200, VERDICT, 0, ""),
    "verified: nothing": (VERIFY, 200, {}, 4, "not the admin side"),
    "verified, and not": (VERIFY, 200, {**VERDICT, "verified": False, "failures": [FAILURE]}, 4, "not the admin side"),
    "verified, with failures": (VERIFY, 200, {**VERDICT, "failures": [FAILURE]}, 4, "not the admin side"),
    "verified, in words": (VERIFY, 200, {**VERDICT, "verified": "true"}, 4, "not the admin side"),
    "not verified": (VERIFY, 409, {**VERDICT, "verified": False, "failures": [FAILURE]}, 1, ""),
    "not verified, and not why": (VERIFY, 409, {**VERDICT, "verified": False}, 4, "not the admin side"),
    "not verified, and verified": (VERIFY, 409, VERDICT, 4, "not the admin side"),
    "no journal": (of_journal(), 200, {"entries": {}}, 4, "not the admin side"),
    "a conflict where nothing was verified": (of_journal(), 409, VERDICT, 4, "not the admin side"),
    "cleared": (of_journal(clear=True), 200, {"total": 0, "kept": 0, "dropped": 0}, 0, "begins anew"),
    "cleared: nothing": (of_journal(clear=True), 200, {}, 4, "not the admin side"),
}


@pytest.mark.anyio
@pytest.mark.parametrize(("options", "status", "data", "code", "said"), ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("form", ["human", "json"])
async def test_a_command_succeeds_only_by_the_answer_that_it_asked_for(
    options: faults.Options | journal.Options,
    status: int,
    data: object,
    code: int,
    said: str,
    form: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Any server can say 200; 4 where it was no site, and 1 where a site did not do it."""
    chosen = dataclasses.replace(options, format=form)
    async with answering(says(data, status)) as settings:
        main = faults.main if isinstance(chosen, faults.Options) else journal.main
        assert await main(chosen, settings, Stop()) == code  # type: ignore[arg-type]
    err = capsys.readouterr().err
    assert said in err or (form == "json" and not code)
    assert err.count("\n") <= 1


def members(*objects: type) -> Set[str]:
    """Return the names of what a command reads of these objects."""
    return {name for each in objects for name in each.__annotations__}


def distorted(data: object, names: Set[str]) -> Iterator[object]:
    """Give data in which a value that has one of these names, or is inside one, is missing or of another type."""
    if isinstance(data, dict):
        for name in data.keys() & names:
            yield {key: value for key, value in data.items() if key != name}
            for other in distorted(data[name], names):
                yield {**data, name: other}
    elif isinstance(data, list):
        for index, item in enumerate(data):
            for other in distorted(item, names):
                yield [*data[:index], other, *data[index + 1 :]]
    for other in (None, True, -1, 1.5, 10**400, "\x1b", [], [None], {}, {"a": None}):
        if type(other) is not type(data):
            yield other


@pytest.mark.anyio
async def test_an_answer_that_is_distorted_anywhere_is_shown_or_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each place that a command reads in an answer of a real site, of every other type, or left out: no traceback."""
    refused: dict[str, int] = {}
    async with one_site(tmp_path) as target:
        await target.set_plan([{"fault": "delay", "seconds": 0.001, "ttl_s": 60}])
        await visited(target)
        wrong = {"expect": [{"match": {"method": "PUT"}}]}
        for name, (method, path, body, names) in {
            "kinds": ("GET", "/fault-kinds", None, members(Kinds, Kind, Parameter)),
            "list": ("GET", f"/faults/{SITE}", None, members(Plan, ActiveRule) | {"seconds"}),
            "journal": ("GET", "/journal?limit=1", None, members(Journal, Entry)),
            "verify": ("POST", "/journal/verify", wrong, members(Verification, Failure, NearMiss)),
            "refusal": ("GET", "/faults/b.test", None, members(Refusal, Problem)),
        }.items():
            status, data = await target.call(method, path, body)
            if name == "kinds":
                data = {**data, "faults": data["faults"][:2]}  # type: ignore[index]
            shown(name, Answer(status, data))
            cases = list(distorted(data, names))
            refused[name] = 0
            for case in cases:
                try:
                    shown(name, Answer(status, case if isinstance(case, Mapping) else {}))
                except NotASite:
                    refused[name] += 1
            assert refused[name] > len(cases) * 3 / 4
    assert "\x1b" not in capsys.readouterr().out


def shown(name: str, answer: Answer) -> None:
    """Show an answer as its command does. Raises the error of an answer that is no site's."""
    match name:
        case "kinds":
            print(faults.kinds_text(read(Kinds, answer.data)))
        case "list":
            print(faults.plan_text(read(Plan, answer.data)))
        case "refusal":
            report_refusal("faults", SITE, answer)
        case _:
            journal.show_answer(of_journal(verify="" if name == "verify" else None), answer)


@pytest.mark.anyio
@pytest.mark.parametrize("options", [of_faults("list"), of_faults("kinds"), of_journal(), VERIFY])
@pytest.mark.parametrize("coding", [b"", b"Content-Encoding: gzip\r\n"], ids=["plain", "coded"])
async def test_an_answer_without_an_end_is_read_to_a_bound(
    options: faults.Options | journal.Options,
    coding: bytes,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise it would fill the memory in seconds."""
    sent = 0
    for bound in ("services.client.admin.api.MAX_ANSWER_BYTES", "services.client.admin.journal.MAX_JOURNAL_BYTES"):
        monkeypatch.setattr(bound, 1_000_000)

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + coding + b"\r\n{")
        while not writer.is_closing():
            writer.write(b" " * 65_536)
            await writer.drain()
            sent += 65_536

    async with answering(endless) as settings:
        main = faults.main if isinstance(options, faults.Options) else journal.main
        assert await main(options, settings, Stop()) == 4  # type: ignore[arg-type]
    assert "the answer has more than" in capsys.readouterr().err
    assert sent < 100_000_000


def test_a_table_is_not_as_wide_as_a_peers_cell() -> None:
    """One cell of a megabyte would make every row as long."""
    lines = columns(("a", "b"), [("x" * 10**6, "1"), ("y", "2")]).splitlines()
    assert max(map(len, lines)) == MAX_WIDE + 3
    assert lines[1].endswith("...  1")
