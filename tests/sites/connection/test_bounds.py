"""Answers of the admin side have limits: of memory, for any request, and of time, for any reader."""

import asyncio
import contextlib
import gc
import json
import socket
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import anyio
import anyio.to_thread
import pytest

from services.runtime.http import Address
from services.sites.admin.bounds import STREAM_BYTES, encoded
from services.sites.admin.journal.entries import Criteria, Entry
from services.sites.admin.journal.expectations import MAX_CHECKS
from services.sites.admin.journal.verification import SHOWN_BYTES, SHOWN_HEAD_BYTES
from services.sites.journal import FIN, ConnectionInfo, Exchange
from services.sites.site import Site
from tests.sites.peer import TIMEOUT_S
from tests.sites.target import KEEP, Target, sites, target_of

pytestmark = pytest.mark.anyio

HOST = "keep.test"
VISIT = ConnectionInfo(1, "127.0.0.1:1", secure=False, accepted_s=0.0)
LARGE = b"GET /\xff HTTP/1.1\r\nA: " + b"\xff" * 32_000 + b"\r\n\r\n"
SMALL = b"GET / HTTP/1.1\r\n\r\n"


def fill(site: Site, count: int, head: bytes = LARGE) -> None:
    """Enter exchanges, each with a head of its own."""
    for number in range(1, count + 1):
        own = bytes(bytearray(head))
        site.journal.add(Exchange(VISIT, number, own, HOST, "", 200, 0.0, ended=FIN))


@asynccontextmanager
async def here(directory: Path, **changes: object) -> AsyncIterator[tuple[Target, Site]]:
    """Run a site, and yield its host and the site itself."""
    async with sites({f"{HOST}.http": KEEP}, directory, **changes) as running:
        yield await target_of(running, HOST), running.site


def address_of(target: Target) -> Address:
    """Return the address of the admin side."""
    host, _, port = target.admin.removeprefix("http://").rpartition(":")
    return Address(host, int(port))


@contextlib.contextmanager
def asking(target: Target, path: str) -> Iterator[socket.socket]:
    """Send a request and do not read the answer, with receive buffers as small as the system allows."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        connection.connect_ex(address_of(target))  # on loopback, this is the system's work alone
        connection.send(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        connection.settimeout(TIMEOUT_S)
        yield connection


def read_all(connection: socket.socket) -> int:
    """Read to the end, keep nothing, and return how many bytes came."""
    count = 0
    while block := connection.recv(65_536):
        count += len(block)
    return count


def read_whole(connection: socket.socket) -> bytes:
    """Read to the end, and return all bytes."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


async def in_use(site: Site, size: int) -> None:
    """Wait until answers in progress have reserved so many bytes."""
    with anyio.fail_after(TIMEOUT_S):
        while site.budget.answers.used != size:  # noqa: ASYNC110 - a number has no event
            await asyncio.sleep(0)


async def begun(connection: socket.socket) -> None:
    """Wait until the first bytes of an answer have come."""
    await anyio.to_thread.run_sync(connection.recv, 1, socket.MSG_PEEK)


def exchanges_alive() -> int:
    """Return how many entries are in memory."""
    gc.collect()
    return sum(isinstance(each, Exchange) for each in gc.get_objects())


async def test_an_answer_costs_an_entry_and_not_all_of_them(tmp_path: Path) -> None:
    """A thousand heads of 32 KiB are 32 MB, and twice that once they are written."""
    async with here(tmp_path) as (target, site):
        fill(site, 1000)
        tracemalloc.start()
        try:
            with asking(target, "/journal?limit=1000") as connection:
                read_bytes = await anyio.to_thread.run_sync(read_all, connection)
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert read_bytes > 2 * 1000 * 32_000, "all of it came"
    assert peak < 4 * STREAM_BYTES


async def test_a_slow_reader_keeps_nothing_that_the_journal_has_dropped(tmp_path: Path) -> None:
    """It holds numbers of entries; dropped ones are left out, the counts at the end say so, and the JSON is valid."""
    async with here(tmp_path, journal_entries=300) as (target, site):
        before = exchanges_alive()
        fill(site, 300)
        with asking(target, "/journal?limit=1000") as connection:
            await begun(connection)
            fill(site, 290, SMALL)
            assert exchanges_alive() - before <= 300 + 1

            answer = await anyio.to_thread.run_sync(read_whole, connection)
        assert b" 200 " in answer.partition(b"\r\n")[0]
        data = json.loads(unchunked(answer.partition(b"\r\n\r\n")[2]))
    numbers = [entry["entry"] for entry in data["entries"]]
    assert (data["total"], data["kept"], data["dropped"]) == (590, 300, 290)
    assert numbers == sorted(numbers)
    assert numbers[-10:] == [*range(291, 301)]
    assert len(numbers) < 300


async def test_a_slow_reader_gets_no_entry_of_a_journal_that_was_cleared(tmp_path: Path) -> None:
    """The new journal uses the same numbers for other entries."""
    async with here(tmp_path) as (target, site):
        fill(site, 300)
        with asking(target, "/journal?limit=1000") as connection:
            await begun(connection)
            site.journal.clear()
            fill(site, 300, SMALL)

            answer = await anyio.to_thread.run_sync(read_whole, connection)
        data = json.loads(unchunked(answer.partition(b"\r\n\r\n")[2]))
    assert all(len(entry["request_head"]) == len(LARGE) for entry in data["entries"])
    assert data["total"] == 300


def unchunked(body: bytes) -> bytes:
    """Return the content of a chunked body."""
    whole, rest = b"", body
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if not int(size, 16):
            return whole
        whole, rest = whole + rest[: int(size, 16)], rest[int(size, 16) + 2 :]


async def test_more_streams_than_there_is_memory_for_are_refused_at_once(tmp_path: Path) -> None:
    """With a JSON error and Retry-After; health is always answered, and memory is released."""
    async with here(tmp_path) as (target, site):
        fill(site, 1000)
        site.budget.answers.limit = 2 * STREAM_BYTES
        with asking(target, "/journal?limit=1000"), asking(target, "/journal?limit=1000"):
            await in_use(site, 2 * STREAM_BYTES)
            for method, path, body in LARGE_ANSWERS:
                async with (
                    aiohttp.ClientSession() as session,
                    session.request(method, target.admin + path, json=body) as answer,
                ):
                    assert (answer.status, (await answer.json())["error"]) == (503, "busy"), path
                    assert answer.headers["Retry-After"] == "1"
            assert site.generation == 1, "what was refused has changed nothing"
            assert (await target.call("GET", f"/faults/{HOST}"))[0] == 200
            async with aiohttp.ClientSession() as session, session.get(f"{target.admin}/readyz") as answer:
                assert answer.status == 200
        await in_use(site, 0)
        assert (await target.call("GET", "/journal?limit=1"))[0] == 200


LARGE_ANSWERS: tuple[tuple[str, str, object], ...] = (
    ("GET", "/journal", None),
    ("GET", "/faults", None),
    ("PUT", "/faults", {"faults": []}),
    ("DELETE", "/faults", None),
    ("POST", "/faults/reset", None),
    ("POST", "/journal/verify", {"absent": [{}]}),
)


async def test_a_reader_that_is_too_slow_is_cut_off(tmp_path: Path) -> None:
    """An answer has a deadline for all of its bytes, so that its memory is released."""
    async with here(tmp_path, answer_timeout_s=1.0) as (target, site):
        fill(site, 1000)
        with asking(target, "/journal?limit=1000") as connection:
            await in_use(site, STREAM_BYTES)
            await in_use(site, 0)
            read_bytes = await anyio.to_thread.run_sync(read_all, connection)
    assert read_bytes < 1000 * len(LARGE), "the rest is not waiting for it"


async def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    """A request has the same deadline as an answer, and its body reserves memory, too."""
    async with here(tmp_path, answer_timeout_s=1.0) as (target, site):
        reader, writer = await asyncio.open_connection(*address_of(target))
        writer.write(f"PUT /faults/{HOST} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n{{".encode())
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        await in_use(site, 0)


async def test_head_has_no_body(tmp_path: Path) -> None:
    """RFC 9110, section 9.3.2; also where the answer is a stream."""
    async with here(tmp_path) as (target, site):
        fill(site, 3)
        reader, writer = await asyncio.open_connection(*address_of(target))
        writer.write(b"HEAD /journal HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        head, blank, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.1 200 ")
    assert (blank, body) == (b"\r\n\r\n", b"")


async def test_ten_thousand_hosts_are_listed_one_by_one(tmp_path: Path) -> None:
    """Each with its plan; the generation is that of the last change."""
    names = [f"h{number}.test" for number in range(50)]
    async with sites({f"{name}.http": KEEP for name in names}, tmp_path) as running:
        target = await target_of(running, names[0])
        rules = [{"fault": "status", "status": 503, "first": number} for number in range(1, 101)]
        status, data = await target.call("PUT", "/faults", {"faults": rules})
        assert status == 200
        hosts = data["hosts"]
        assert isinstance(hosts, list)
        assert sorted(each["host"] for each in hosts) == sorted(names)
        assert {len(each["faults"]) for each in hosts} == {100}
        assert max(each["generation"] for each in hosts) == data["generation"]


async def test_json_has_no_control_characters(tmp_path: Path) -> None:
    """Letters of Latin-1 stay; control characters and those that change direction are escaped."""
    text = "é\x9b\x7f\u202e\ud800\U0001f600\x1b"
    data = encoded([text])
    assert data == rb'["' + "é".encode() + rb'\u009b\u007f\u202e\ud800\ud83d\ude00\u001b"]'
    assert json.loads(data) == [text]
    async with here(tmp_path) as (target, site):
        fill(site, 1)
        wrong = {"expect": [{"match": {"target": "\ud800"}}]}
        assert (await target.call("POST", "/journal/verify", wrong))[0] == 409


async def test_no_more_problems_are_listed_than_are_read(tmp_path: Path) -> None:
    """A body of a mebibyte can be wrong a hundred thousand times."""
    async with here(tmp_path) as (target, _site):
        body = {"absent": [{f"x{number}": 1 for number in range(5000)}]}
        status, data = await target.call("POST", "/journal/verify", body)
        problems = data["problems"]
        assert isinstance(problems, list)
        assert (status, len(problems), problems[-1]["reason"]) == (422, 101, "has 4,900 more problems")


async def test_entries_that_are_shown_in_a_verdict_are_bounded(tmp_path: Path) -> None:
    """Each head to its beginning, and all of them together."""
    async with here(tmp_path) as (target, site):
        fill(site, 20)
        wanted = {"match": {"fields": {f"x{number}": "y" * 500 for number in range(100)}, "target": "/" * 2000}}
        body = {"expect": [wanted] * 10 + [{"match": {"method": "PUT"}}] * 90, "at_once": [{"at_most": 0}] * 100}
        status, data = await target.call("POST", "/journal/verify", body)
        failures = data["failures"]
        assert isinstance(failures, list)
        assert (status, len(failures)) == (409, 200)
        nearest = [near for failure in failures for near in failure["nearest"]]
        assert {len(near["request_head"]) for near in nearest} == {SHOWN_HEAD_BYTES}
        assert max(len(near["misses"]) for near in nearest) == 21
        assert sum(len(near["request_head"]) + sum(map(len, near["misses"])) for near in nearest) < 2 * SHOWN_BYTES
        assert "left out" in failures[-1]["reason"]


MANY = {"absent": [{"target": "/", "method": "PUT", "fields": {"x": str(number)}} for number in range(MAX_CHECKS)]}


async def test_entries_are_read_twice_at_most_however_many_checks_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty expectations of a full journal took more than a minute, when each read it by itself."""
    made = 0

    class Counted(Entry):
        def __init__(self, number: int, exchange: Exchange) -> None:
            nonlocal made
            made += 1
            super().__init__(number, exchange)

    monkeypatch.setattr("services.sites.admin.journal.verification.Entry", Counted)
    async with here(tmp_path) as (target, site):
        fill(site, 1000, SMALL)
        few = {"expect": [{"match": {"method": "PUT"}}] * MAX_CHECKS, "order": [{"method": "PUT"}]}
        for body, readings in ((MANY, 1), (few, 2)):
            made = 0
            await target.call("POST", "/journal/verify", body)
            assert made <= readings * 1000 + 3 * (MAX_CHECKS + 1)


async def test_a_verdict_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    """Before the client's own deadline, so that it gets the reason; others are answered meanwhile."""
    async with here(tmp_path, verify_timeout_s=0.3) as (target, site):
        fill(site, 50_000, SMALL)
        answered = 0
        first = asyncio.Event()

        async def ask_health() -> None:
            nonlocal answered
            async with aiohttp.ClientSession() as session:
                while True:
                    async with session.get(f"{target.admin}/healthz"):
                        answered += 1
                        first.set()

        asking_health = asyncio.ensure_future(ask_health())
        await first.wait()
        before = answered
        status, data = await target.call("POST", "/journal/verify", MANY)
        asking_health.cancel()
        assert (status, data["error"]) == (503, "too_slow")
        assert "within 0.3 s" in str(data["problems"])
        assert answered > before
        await in_use(site, 0)


async def test_a_verdict_that_has_no_reader_any_more_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site's one thread works for clients that are connected."""
    asked = 0
    usual = Criteria.meets

    def meets(criteria: Criteria, entry: Entry) -> bool:
        nonlocal asked
        asked += 1
        return usual(criteria, entry)

    monkeypatch.setattr(Criteria, "meets", meets)
    async with here(tmp_path, verify_timeout_s=3600.0) as (target, site):
        fill(site, 50_000, SMALL)
        body = json.dumps(MANY).encode()
        _reader, writer = await asyncio.open_connection(*address_of(target))
        writer.write(
            b"POST /journal/verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        with anyio.fail_after(TIMEOUT_S):
            while not asked:  # noqa: ASYNC110
                await asyncio.sleep(0)
        writer.transport.abort()
        await in_use(site, 0)
    assert asked < 50_000 * MAX_CHECKS


async def test_one_verdict_is_found_at_a_time_and_some_wait(tmp_path: Path) -> None:
    """In the order in which they were asked for; more than eight are refused."""
    async with here(tmp_path, verify_timeout_s=60.0) as (target, site):
        fill(site, 2_000, SMALL)
        answers = await asyncio.gather(*(target.call("POST", "/journal/verify", MANY) for _ in range(20)))
    told = [status for status, _data in answers]
    assert set(told) <= {200, 503}
    assert told.count(200) >= 9
