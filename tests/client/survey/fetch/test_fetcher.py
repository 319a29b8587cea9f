"""Redirects, retries and deadlines of a fetch, and the bytes of its request."""

import asyncio
import random
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.client.errors import FetchError
from services.client.head import HeadReader
from services.client.survey.fetch import retry
from services.client.survey.fetch.retry import is_transient, pause_s, retry_after_s
from services.client.topology import Topology
from tests.client.peers import Peer, sends, serving
from tests.client.survey.hostile import OK, drips, redirects, shut_port
from tests.client.survey.surveys import record_of, survey

pytestmark = pytest.mark.usefixtures("transport")

BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def answering(*answers: bytes) -> tuple[Peer, list[bytes]]:
    """Return a peer that gives each answer in turn, the last for ever, and the requests that it will have had."""
    requests: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answers[min(len(requests), len(answers)) - 1])

    return peer, requests


@pytest.mark.anyio
async def test_the_request_is_plain(tmp_path: Path) -> None:
    """One field a line, nothing that is not needed, and the connection is not kept."""
    peer, requests = answering(OK)
    async with serving(host=peer) as topology:
        await survey(["host/a?b"], tmp_path / "out", topology, user_agent="me; mail@x.org")
    assert requests == [
        b"GET /a?b HTTP/1.1\r\nHost: host\r\nUser-Agent: me; mail@x.org\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    ]


@pytest.mark.anyio
async def test_redirects_are_followed_if_asked(tmp_path: Path) -> None:
    """Each hop is in the record, and the head is the last one's."""
    async with serving(a=redirects("//b/x?y#z"), b=redirects("http://c/"), c=sends(OK)) as topology:
        followed = await record_of("a", tmp_path / "out", topology, follow=True)
        plain = await record_of("a", tmp_path / "out", topology)
    assert (followed["url"], followed["status"], followed["attempts"]) == ("http://c/", 200, 3)
    assert [(hop["url"], hop["status"], hop["location"]) for hop in followed["hops"]] == [
        ("http://a/", 302, "//b/x?y#z"),
        ("http://b/x?y", 302, "http://c/"),
    ]
    assert (plain["url"], plain["status"], plain["hops"]) == ("http://a/", 302, [])


@pytest.mark.anyio
@pytest.mark.parametrize(
    "location",
    [
        *(
            "ftp://x/",
            "http://[",
            "javascript:x",
            "http:/one",
            "///host/one",
            "http:\\\\host\\one",
            "/\\host",
            "/a\tb",
            "",
        ),
        *("%2e%2e/g", "\x0c/x", "/x\x0b", "\x00/x", "/x\x00", "/x\x00y", "/x\ry", "/x\r", "/x\r\n \x00y"),
    ],
    ids=ascii,
)
async def test_a_redirect_that_leads_nowhere_is_an_answer(location: str, tmp_path: Path) -> None:
    """The host has answered; the detail says why its redirect was not followed."""
    async with serving(host=redirects(location)) as topology:
        record = await record_of("host", tmp_path / "out", topology, follow=True)
    assert (record["status"], record["error"], record["hops"]) == (302, None, [])
    assert record["detail"].startswith("not followed: ")
    assert ("location_empty" in record["anomalies"]) == (not location)


@pytest.mark.anyio
@pytest.mark.parametrize("follow", [False, True])
async def test_locations_that_differ_are_an_anomaly_and_not_followed(follow: bool, tmp_path: Path) -> None:
    """Clients choose the first, the last or none; the same one twice is one."""
    two = b"HTTP/1.1 302 Found\r\nLocation: http://%b/\r\nLocation: http://%b/\r\nContent-Length: 0\r\n\r\n"
    async with serving(differ=sends(two % (b"a", b"b")), same=sends(two % (b"a", b"a")), a=sends(OK)) as topology:
        _, (differ, same) = await survey(["differ", "same"], tmp_path / "out", topology, follow=follow)
    assert (differ["status"], differ["hops"], differ["anomalies"]) == (302, [], ["location_conflict"])
    assert differ["detail"] == ("not followed: 2 Location fields that differ" if follow else None)
    assert (same["status"], same["anomalies"]) == (200 if follow else 302, [])


@pytest.mark.anyio
async def test_a_redirect_goes_where_its_location_says_to_the_letter(tmp_path: Path) -> None:
    """No slash is lost and no host is found in a path (RFC 3986, section 5.2)."""
    peer, requests = answering(b"HTTP/1.1 302 Found\r\nLocation: x//y\r\nContent-Length: 0\r\n\r\n", OK)
    async with serving(host=peer) as topology:
        record = await record_of("host//a//b", tmp_path / "out", topology, follow=True)
    assert (record["url"], record["status"]) == ("http://host//a//x//y", 200)
    assert [request.partition(b" HTTP")[0] for request in requests] == [b"GET //a//b", b"GET //a//x//y"]


@pytest.mark.anyio
async def test_so_many_redirects_and_no_more(tmp_path: Path) -> None:
    """--max-redirects 0 follows none, and says so."""
    async with serving(a=redirects("http://b/"), b=sends(OK)) as topology:
        one = await record_of("a", tmp_path / "out", topology, follow=True, max_redirects=1)
        none = await record_of("a", tmp_path / "out", topology, follow=True, max_redirects=0)
    assert (one["status"], none["error"]) == (200, "too_many_redirects")


@pytest.mark.anyio
async def test_a_temporary_error_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first attempt is in the record too."""
    monkeypatch.setattr(retry, "FIRST_S", 0.001)
    peer, requests = answering(b"", BUSY, OK)
    async with serving(host=peer) as topology:
        record = await record_of("host", tmp_path / "out", topology, retries=5)
    assert (record["status"], record["attempts"], len(requests)) == (200, 3, 3)
    assert [(each["error"], each["status"]) for each in record["retried"]] == [("closed", None), (None, 503)]
    assert all(each["url"] == "http://host/" and each["ip"] == "127.0.0.1" for each in record["retried"])


@pytest.mark.anyio
async def test_the_last_attempt_is_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A last 503 is a head like any other; a last error is the error."""
    monkeypatch.setattr(retry, "FIRST_S", 0.001)
    async with serving(busy=sends(BUSY), closes=sends(b"")) as topology:
        busy = await record_of("busy", tmp_path / "out", topology, retries=2)
        closes = await record_of("closes", tmp_path / "out", topology, retries=2)
    assert (busy["status"], busy["error"], busy["attempts"]) == (503, None, 3)
    assert (closes["status"], closes["error"], closes["attempts"]) == (None, "closed", 3)


@pytest.mark.anyio
async def test_a_permanent_error_is_not_tried_again(tmp_path: Path) -> None:
    """A refusal and a malformed head are answers."""
    async with serving(bad=sends(b"HTTP/1.1 abc\r\n\r\n")) as topology:
        with shut_port() as shut:
            for host in ("bad", "shut", "nameless"):
                routes = topology.with_routes({("shut", 80): shut})
                record = await record_of(host, tmp_path / "out", routes, retries=5)
                assert (record["attempts"], record["retried"]) == (1, [])


@pytest.mark.anyio
async def test_a_retry_stays_inside_the_deadline(tmp_path: Path) -> None:
    """A server that asks for more time than there is, is not waited for: its answer stands."""
    busy = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3600\r\n\r\n"
    async with serving(host=sends(busy)) as topology:
        record = await record_of("host", tmp_path / "out", topology, retries=5, timeout_s=5.0)
    assert (record["status"], record["attempts"]) == (503, 1)
    assert record["timings_ms"]["total"] < 5_000


@pytest.mark.anyio
async def test_the_total_deadline_holds_for_all_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither drips nor redirects nor retries make a target take longer."""
    monkeypatch.setattr(retry, "FIRST_S", 0.001)
    async with serving(a=redirects("http://b/"), b=drips) as topology:
        began = time.monotonic()
        record = await record_of(
            "a", tmp_path / "out", topology, follow=True, retries=100, timeout_s=1.0, head_timeout_s=0.1
        )
        took_s = time.monotonic() - began
    assert record["error"] == "head_timeout"
    assert record["attempts"] > 2
    assert 450 <= record["timings_ms"]["total"] <= took_s * 1000


@pytest.mark.anyio
async def test_a_deadline_says_which_it_was(tmp_path: Path) -> None:
    """So that a person knows which option to change."""
    async with serving(host=sends(b"", then_hang=True)) as topology:
        head = await record_of("host", tmp_path / "out", topology, head_timeout_s=0.1)
        total = await record_of("host", tmp_path / "out", topology, timeout_s=1.5)
    assert head["detail"] == "no whole head within 0.1 s"
    assert total["detail"] == "no whole head within the total of 1.5 s"
    assert max(head["timings_ms"]["total"], total["timings_ms"]["total"]) < 5_000  # the other deadline is 10 s


@pytest.mark.anyio
async def test_a_name_that_hangs_delays_no_other_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends at its own deadline, as an error of the look-up."""
    import threading

    from services.client.network.resolver import Resolver

    released = threading.Event()

    def ask(host: str) -> list[str]:
        if "hang" in host:
            released.wait(30)
        return ["127.0.0.1"]

    class Hanging(Resolver):
        def __init__(self) -> None:
            super().__init__(ask)

    monkeypatch.setattr("services.client.survey.fetch.fetcher.Resolver", Hanging)
    try:
        async with serving(host=sends(OK)) as topology:
            port = topology.routes["host", 80][1]
            targets = [*(f"hang-{number}" for number in range(4)), *(f"h{number}:{port}" for number in range(50))]
            _, records = await survey(targets, tmp_path / "out", Topology(), timeout_s=3.0, concurrency=8)
    finally:
        released.set()
    assert [record["error"] for record in records] == ["dns"] * 4 + [None] * 50


def test_jitter_is_full_and_grows_to_a_bound() -> None:
    """From nothing to the whole of an exponentially growing time."""
    random.seed(4)
    for attempt, longest in ((1, 0.5), (2, 1.0), (4, 4.0), (10, 8.0), (99, 8.0)):
        pauses = [pause_s(attempt) for _ in range(200)]
        assert 0 <= min(pauses) < longest * 0.1
        assert longest * 0.9 < max(pauses) <= longest


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"7", 7),
        (b" 7 ", 7),
        (b"Sun, 22 Nov 2026 09:00:30 GMT", 30),
        (b"Sunday, 22-Nov-26 09:00:30 GMT", 30),
        (b"Sun, 22 Nov 2026 08:00:00 GMT", 0),
        (b"-7", 0),
        (b"7.5", 0),
        (b"soon", 0),
        (b"", 0),
        (b"\xb2", 0),
        (b"9" * 5_000, 999_999_999_999),
    ],
)
def test_retry_after_is_read(value: bytes, seconds: float) -> None:
    """Seconds or a date (RFC 9110, section 10.2.3); what is neither asks for nothing."""
    now = datetime(2026, 11, 22, 9, 0, 0, tzinfo=UTC)
    assert retry_after_s([(b"retry-AFTER", value)], now) == seconds


def test_retry_after_is_honoured_up_to_a_bound() -> None:
    """At least what was asked for, jitter on top; an hour is not waited."""
    for asked, least, most in ((b"2", 2.0, 2.5), (b"3600", 30.0, 30.5)):
        head = HeadReader().feed(b"HTTP/1.1 429 x\r\nRetry-After: " + asked + b"\r\n\r\n")
        assert least <= pause_s(1, head) <= most


def test_a_busy_resolver_is_asked_again_and_an_unknown_name_is_not() -> None:
    """`dns` is the error of both; its detail says which."""
    assert is_transient(FetchError("dns", "busy", transient=True))
    assert not is_transient(FetchError("dns", "no such name"))


@pytest.mark.anyio
async def test_a_record_begins_when_its_turn_has_come(tmp_path: Path) -> None:
    """Not when its target is read; of several requests (a retry, a redirect), the first one counts."""
    arrived: list[float] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.append(time.time())
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n" if len(arrived) == 1 else OK)

    async with serving(a=peer, b=peer) as topology:
        _, (one, two) = await survey(["a", "b"], tmp_path / "out", topology, follow=True, rate=2.0)
    assert one["attempts"] == 2
    began = [datetime.fromisoformat(each["time"]).timestamp() for each in (one, two)]
    assert began[0] <= min(arrived)
    assert began[1] - began[0] > 0.25, "turns are 0.5 s apart, and never early; the first record may begin late"


@pytest.mark.anyio
async def test_a_record_begins_when_its_host_has_a_place(tmp_path: Path) -> None:
    """One that waits for another of the same host has not begun."""
    ended: list[float] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if not ended:
            await reader.read()  # until the client's deadline
        ended.append(time.time())
        writer.write(OK)

    async with serving(host=peer) as topology:
        asked = ["host/1", "host/2"]
        _, records = await survey(asked, tmp_path / "out", topology, per_host=1, head_timeout_s=0.2)
    first, second = (datetime.fromisoformat(each["time"]).timestamp() for each in records)
    assert second - first > 0.19
