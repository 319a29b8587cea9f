"""The journal: bounded, complete in its counts, and able to say how requests differ from what was expected."""

import dataclasses
from pathlib import Path

import anyio.to_thread
import pytest

from services.sites.admin.journal.query import read_query
from services.sites.journal import FIN, KEPT, TRIM_EVERY, CachedExchange, ConnectionInfo, Exchange, Journal
from tests.sites.peer import listen
from tests.sites.target import KEEP, Target, one_site, sites, target_of

VISIT = ConnectionInfo(1, "127.0.0.1:1", secure=False, accepted_s=0.0)


def exchange(number: int, head: bytes = b"GET / HTTP/1.1\r\n\r\n") -> Exchange:
    """Return an entry."""
    return Exchange(VISIT, number, head, "a.test", "", 200, 0.0, ended=FIN)


def test_kept_and_dropped_are_the_total_at_any_moment() -> None:
    """The oldest entries are dropped first."""
    journal = Journal(max_entries=10)
    for number in range(1, 26):
        journal.add(exchange(number))
        assert len(journal.entries) + journal.dropped == journal.total == number
    newest_first = [(number, entry.number) for number, entry in journal.newest_first()]
    assert newest_first == [(n, n) for n in range(25, 15, -1)]


def test_heads_are_bounded_in_bytes_too() -> None:
    """A thousand entries of 32 KiB would be more than a thousand of 40 bytes."""
    journal = Journal(max_entries=1000, max_bytes=100_000)
    for number in range(100):
        journal.add(exchange(number, b"x" * 30_000))
    assert len(journal.entries) == 3
    assert journal.total == 100


def test_a_cleared_journal_has_all_its_room_again() -> None:
    """In entries and in bytes."""
    journal = Journal(max_entries=1000, max_bytes=100_000)
    for again in range(3):
        for number in range(1, 4):
            journal.add(exchange(number, b"x" * 30_000))
            assert (journal.total, len(journal.entries), journal.dropped) == (number, number, 0), again
        journal.clear()
        assert (journal.total, list(journal.newest_first()), journal.dropped) == (0, [], 0)


def test_an_entry_of_the_fast_path_reads_as_any_other() -> None:
    """It is a tuple only until it is read."""
    journal = Journal(max_entries=10)
    answered = CachedExchange(b"GET / HTTP/1.1\r\n\r\n", "a.test", "", 200, 5, KEPT)
    journal.entries.append((VISIT, 3, answered, 1.0, 2.0))
    journal.total += 1
    expected = dataclasses.replace(exchange(3), received_s=1.0, ended=KEPT, ended_s=2.0, sent_bytes=5)
    assert [dataclasses.astuple(entry) for _number, entry in journal.newest_first()] == [dataclasses.astuple(expected)]


def test_no_entries_may_be_kept_at_all() -> None:
    """Then every entry is dropped, and counted."""
    journal = Journal(max_entries=0)
    journal.add(exchange(1))
    assert (journal.total, len(journal.entries), journal.dropped) == (1, 0, 1)


@pytest.mark.anyio
async def test_many_known_requests_stay_within_the_bound(tmp_path: Path) -> None:
    """The fast path trims from time to time; a reader never gets more than the bound."""
    async with one_site(tmp_path, journal_entries=100) as target:
        count = TRIM_EVERY * 3

        def ask() -> None:
            with target.peer.connect() as connection:
                for _ in range(count):
                    connection.sendall(target.peer.get())
                    listen(connection, len(KEEP))

        await anyio.to_thread.run_sync(ask)
        _status, answer = await target.call("GET", "/journal?limit=1000")
        entries = answer["entries"]
        assert isinstance(entries, list)
        assert (answer["total"], answer["kept"], answer["dropped"], len(entries)) == (count, 100, count - 100, 100)
        assert [entry["entry"] for entry in entries] == list(range(count - 99, count + 1))


async def visited(target: Target) -> None:
    """Have three requests made: /a, /b with a cookie, and HEAD /c."""

    def ask() -> None:
        with target.peer.connect() as connection:
            for request in (
                target.peer.get("/a"),
                target.peer.get("/b", fields="Cookie: secret\r\n"),
                target.peer.get("/c", method="HEAD"),
            ):
                connection.sendall(request)
            listen(connection, len(KEEP) * 3 - 5)

    await anyio.to_thread.run_sync(ask)
    await target.ended()


async def visited_once(target: Target) -> None:
    """Have one request made."""

    def ask() -> None:
        with target.peer.connect() as connection:
            connection.sendall(target.peer.get())
            listen(connection, len(KEEP))

    await anyio.to_thread.run_sync(ask)


FILTERS = {
    "method=GET": [1, 2],
    "target=/b": [2],
    "status=200&method=HEAD": [3],
    "since=1": [2, 3],
    "limit=1": [3],
    "tls=true": [],
    "tls=false&connection=1": [1, 2, 3],
    "ended=kept&exchange=2": [2],
    "fault=": [1, 2, 3],
    "fault=rst_at": [],
    "head_contains=secret": [2],
    "status=": [],
    'fields={"cookie":null}': [1, 3],
    'fields={"cookie":"secret"}': [2],
}


@pytest.mark.anyio
async def test_entries_are_filtered(tmp_path: Path) -> None:
    """By every name that an entry has, all of which must agree; the newest are kept where there is a limit."""
    async with one_site(tmp_path) as target:
        await visited(target)
        for query, numbers in FILTERS.items():
            assert [entry["entry"] for entry in await target.entries(f"&{query}")] == numbers, query


def test_an_empty_host_is_that_of_what_no_host_answered() -> None:
    """As such an entry has it; and a name has no case here, or it would find nothing and say nothing."""
    assert [read_query({"host": host})[0].values for host in ("", "A.Test")] == [{"host": ""}, {"host": "a.test"}]


BAD_QUERIES = (
    "limit=1001",
    "limit=x",
    "since=-1",
    "color=red",
    "ended=well",
    "fault=typo",
    "tls=maybe",
    "status=2e2",
    "method=GET&method=HEAD",
)


@pytest.mark.anyio
async def test_a_bad_query_is_refused(tmp_path: Path) -> None:
    """With the field that is wrong: a misspelt filter would else find everything, as would one of two."""
    async with one_site(tmp_path) as target:
        for query in BAD_QUERIES:
            status, answer = await target.call("GET", f"/journal?{query}")
            assert (status, answer["error"]) == (422, "bad_query"), query
            assert query.partition("=")[0] in str(answer["problems"])


GET = {"method": "GET"}
VERDICTS: dict[str, tuple[dict[str, object], str]] = {
    "count": ({"expect": [{"match": GET, "count": 2}]}, ""),
    "count, too few": ({"expect": [{"match": GET, "count": 3}]}, "expect[0]: exactly 3, found 2"),
    "count, too many": ({"expect": [{"match": GET, "count": 1}]}, "expect[0]: exactly 1, found 2"),
    "at least one": ({"expect": [{"match": {"target": "/a"}}]}, ""),
    "at least": ({"expect": [{"match": GET, "at_least": 3}]}, "expect[0]: at least 3, found 2"),
    "at most": ({"expect": [{"match": GET, "at_most": 2}]}, ""),
    "at most once": ({"expect": [{"match": GET, "at_most": 1}]}, "expect[0]: 0 to 1, found 2"),
    "anything": ({"expect": [{"count": 3}]}, ""),
    "fields": ({"expect": [{"match": {"fields": {"Cookie": "secret"}}, "count": 1}]}, ""),
    "without a field": ({"expect": [{"match": {"fields": {"cookie": None}}, "count": 2}]}, ""),
    "order": ({"order": [{"target": "/a"}, {"target": "/c"}]}, ""),
    "wrong order": ({"order": [{"target": "/c"}, {"target": "/a"}]}, "order[1]: an entry after 3, found 0"),
    "absent": ({"absent": [{"method": "POST"}]}, ""),
    "host in capitals": ({"absent": [{"host": "KEEP.test", "method": "HEAD"}]}, "absent[0]: none, found 1"),
    "not absent": ({"absent": [{"head_contains": "secret"}]}, "absent[0]: none, found 1"),
    "since": ({"since": 1, "expect": [{"match": GET, "count": 1}]}, ""),
    "at most so many at once": ({"at_once": [{"match": GET, "at_most": 1}]}, ""),
    "too many at once": ({"at_once": [{"match": GET, "at_most": 0}]}, "at_once[0]: at most 0 at once, found 1"),
}


@pytest.mark.anyio
async def test_expectations_are_checked_against_the_journal(tmp_path: Path) -> None:
    """200 where all hold; 409 with the expectation, the count that was found, and the nearest entries."""
    async with one_site(tmp_path) as target:
        await visited(target)
        for name, (expectations, failure) in VERDICTS.items():
            status, answer = await target.call("POST", "/journal/verify", expectations)
            failures = answer["failures"]
            assert isinstance(failures, list)
            said = [f"{each['check']}: {each['expected']}, found {each['found']}" for each in failures]
            assert said == ([failure] if failure else []), name
            assert status == (409 if failure else 200)
            assert answer["verified"] is not bool(failure)


@pytest.mark.anyio
async def test_the_nearest_misses_come_first(tmp_path: Path) -> None:
    """With the differences of each: a reader sees at once that only the target is wrong."""
    async with one_site(tmp_path) as target:
        await visited(target)
        wanted = {"method": "GET", "target": "/x", "fields": {"cookie": "secret"}}
        _status, answer = await target.call("POST", "/journal/verify", {"expect": [{"match": wanted}]})
        nearest = answer["failures"][0]["nearest"]  # type: ignore[index]
        assert [near["entry"] for near in nearest] == [2, 1, 3]
        assert nearest[0]["misses"] == ["target: '/b' is not '/x'"]


@pytest.mark.anyio
async def test_after_dropped_entries_an_absence_is_not_verified(tmp_path: Path) -> None:
    """Only a complete journal can show that a request did not come."""
    async with one_site(tmp_path, journal_entries=2) as target:
        await visited(target)
        absent = {"absent": [{"target": "/x"}]}
        status, answer = await target.call("POST", "/journal/verify", absent)
        assert status == 409
        assert "1 entries were dropped" in answer["failures"][0]["reason"]  # type: ignore[index]
        assert (await target.call("POST", "/journal/verify", {**absent, "since": 1}))[0] == 200
        many = {"expect": [{"match": {"host": target.host}, "at_most": 3}]}
        assert (await target.call("POST", "/journal/verify", many))[0] == 200, "3 is all there can have been"


@pytest.mark.anyio
async def test_entries_of_the_fast_path_beyond_the_bound_prove_nothing_either(tmp_path: Path) -> None:
    """They are dropped at a read, and counted before a verdict: not all of them were seen."""
    async with one_site(tmp_path, journal_entries=2) as target:

        def ask() -> None:
            with target.peer.connect() as connection:
                for path in ("/", "/", "/x", "/x", "/", "/", "/"):
                    connection.sendall(target.peer.get(path))
                    listen(connection, len(KEEP))

        await anyio.to_thread.run_sync(ask)
        status, answer = await target.call("POST", "/journal/verify", {"absent": [{"target": "/x"}]})
        assert (status, answer["considered"], answer["dropped"]) == (409, 2, 5)


@pytest.mark.anyio
async def test_the_journal_of_one_host_begins_anew_alone(tmp_path: Path) -> None:
    """The others keep their entries and numbers, and what was dropped before does not count against the new one."""
    hosts = ("a.test", "b.test")
    async with sites({f"{host}.http": KEEP for host in hosts}, tmp_path, journal_entries=3) as running:
        a, b = [await target_of(running, host) for host in hosts]
        for target in (a, a, b, b):
            await visited_once(target)
        assert (await a.call("DELETE", "/journal?host=a.test"))[0] == 200
        assert await a.entries() == []
        assert [entry["entry"] for entry in await b.entries()] == [3, 4]
        _status, answer = await a.call("GET", "/journal")
        assert [entry["entry"] for entry in answer["entries"]] == [3, 4]  # type: ignore[attr-defined]
        for host, expected in (("a.test", 200), ("b.test", 409)):
            absent = {"absent": [{"host": host, "method": "POST"}]}
            assert (await a.call("POST", "/journal/verify", absent))[0] == expected, "one entry was dropped"
        await visited_once(a)
        assert [entry["entry"] for entry in await a.entries()] == [5]
        await a.call("DELETE", "/journal")
        await visited_once(a)
        assert [entry["entry"] for entry in await a.entries()] == [1]


@pytest.mark.anyio
async def test_a_journal_is_not_cleared_by_mistake(tmp_path: Path) -> None:
    """With a filter that clearing does not have, or an unknown host, it is refused."""
    async with one_site(tmp_path) as target:
        await visited(target)
        for query, expected in (("method=POST", 422), ("host=keep.test&limit=1", 422), ("host=other.test", 404)):
            assert (await target.call("DELETE", f"/journal?{query}"))[0] == expected, query
        assert len(await target.entries()) == 3


BAD_EXPECTATIONS: dict[str, tuple[object, str]] = {
    "nothing": ({}, "body"),
    "a list": ([], "body"),
    "unknown key": ({"expects": []}, "body"),
    "no list": ({"expect": {}}, "expect"),
    "unknown criterion": ({"expect": [{"match": {"verb": "GET"}}]}, "expect[0].match.verb"),
    "a count below none": ({"expect": [{"match": GET, "count": -1}]}, "expect[0].count"),
    "a count and a bound": ({"expect": [{"match": GET, "count": 1, "at_most": 1}]}, "expect[0].count"),
    "fields that are none": ({"absent": [{"fields": ["cookie"]}]}, "absent[0].fields"),
    "a status in words": ({"order": [{"status": "ok"}]}, "order[0].status"),
    "too many": ({"absent": [{}] * 101}, "absent"),
    "only since": ({"since": 1}, "body"),
    "at least more than at most": ({"expect": [{"at_least": 3, "at_most": 2}]}, "expect[0].at_least"),
    "at once without a bound": ({"at_once": [{"match": GET}]}, "at_once[0].at_most"),
    "at once with another bound": ({"at_once": [{"at_most": 1, "count": 1}]}, "at_once[0]"),
    "at once, unknown criterion": ({"at_once": [{"match": {"verb": 1}, "at_most": 1}]}, "at_once[0].match.verb"),
}


@pytest.mark.anyio
async def test_a_bad_expectation_is_refused_field_by_field(tmp_path: Path) -> None:
    """422, and never a verdict."""
    async with one_site(tmp_path) as target:
        for name, (body, field) in BAD_EXPECTATIONS.items():
            status, answer = await target.call("POST", "/journal/verify", body)
            assert status == 422, name
            assert [problem["field"] for problem in answer["problems"]] == [field], name  # type: ignore[attr-defined]


@pytest.mark.anyio
async def test_an_exchange_is_in_the_journal_before_it_has_ended(tmp_path: Path) -> None:
    """So a client that waits for an answer can be seen."""
    async with one_site(tmp_path) as target:
        await target.set_plan([{"fault": "stall_at", "bytes": 5}])

        def ask() -> None:
            with target.peer.connect() as connection:
                connection.sendall(target.peer.get())
                assert listen(connection, 5).data == KEEP[:5]
                entry = anyio.from_thread.run(target.entries)[0]
                assert (entry["fault"], entry["sent_bytes"], entry["ended"]) == ("stall_at", 5, None)

        await anyio.to_thread.run_sync(ask)
        assert (await target.ended())[0]["ended"] == "peer_fin"
