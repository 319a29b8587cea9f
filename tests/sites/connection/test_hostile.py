"""Hostile requests: answered or cut off as documented, counted, in the journal; none names a file."""

import dataclasses
import re
import socket
from pathlib import Path

import anyio.to_thread
import pytest

from services.sites.connection.exchanges import ended_by
from services.sites.faults.catalog import FAULTS
from services.sites.faults.script import FaultContext, Pause, Script
from tests.sites.peer import Heard, Peer, listen
from tests.sites.target import KEEP, Target, one_site

pytestmark = pytest.mark.anyio

CONTENT = b"GET / HTTP/1.1\r\nHost: keep.test\r\n"

REQUESTS = {
    "binary": (400, bytes(range(256)) * 10),
    "TLS where HTTP is spoken": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)),
    "a long word alone": (400, b"A" * 33),
    "no version": (400, b"GET /\r\n\r\n"),
    "a version that is not spoken": (505, b"GET / HTTP/3.0\r\nHost: keep.test\r\n\r\n"),
    "HTTP/2 without TLS": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "CONNECT": (501, b"CONNECT keep.test:443 HTTP/1.1\r\nHost: keep.test:443\r\n\r\n"),
    "no host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two hosts": (400, b"GET / HTTP/1.1\r\nHost: keep.test\r\nHost: keep.test\r\n\r\n"),
    "two hosts beside a third": (
        400,
        b"GET http://keep.test/ HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n",
    ),
    "NUL in Host": (400, b"GET / HTTP/1.1\r\nHost: keep.test\0.http\r\n\r\n"),
    "a path escape in Host": (400, b"GET / HTTP/1.1\r\nHost: ../../x\r\n\r\n"),
    "an absolute path in Host": (400, b"GET / HTTP/1.1\r\nHost: /etc/passwd\r\n\r\n"),
    "dots in Host": (421, b"GET / HTTP/1.1\r\nHost: ..\r\n\r\n"),
    "an escaped path in Host": (421, b"GET / HTTP/1.1\r\nHost: ..%2f..%2fx\r\n\r\n"),
    "a path escape in an absolute target": (421, b"GET http://../../x HTTP/1.1\r\nHost: keep.test\r\n\r\n"),
    "a host that is not here": (421, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    "an enormous host": (421, b"GET / HTTP/1.1\r\nHost: " + b"a" * 30_000 + b"\r\n\r\n"),
    "NUL in the target": (400, b"GET /\0 HTTP/1.1\r\nHost: keep.test\r\n\r\n"),
    "an enormous target": (414, b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: keep.test\r\n\r\n"),
    "an enormous head": (431, CONTENT + b"X: " + b"a" * 40_000 + b"\r\n\r\n"),
    "a thousand fields": (431, CONTENT + b"X: y\r\n" * 1000 + b"\r\n"),
    "a field without a name": (400, CONTENT + b": x\r\n\r\n"),
    "a field without a colon": (400, CONTENT + b"what\r\n\r\n"),
    "a folded field": (400, CONTENT + b"X: a\r\n b\r\n\r\n"),
    "a space before the colon": (400, CONTENT + b"X : a\r\n\r\n"),
    "a bare CR": (400, CONTENT + b"X: a\rb\r\n\r\n"),
    "length and chunked": (400, CONTENT + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "two lengths": (400, CONTENT + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n"),
    "a negative length": (400, CONTENT + b"Content-Length: -3\r\n\r\n"),
    "an enormous body": (413, CONTENT + b"Content-Length: 999999999999\r\n\r\n"),
    "an enormous chunk": (413, CONTENT + b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n"),
    "a chunk that is none": (400, CONTENT + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n"),
    "an endless chunk line": (400, CONTENT + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 2000),
    "a coding that is not known": (501, CONTENT + b"Transfer-Encoding: gzip\r\n\r\n"),
}


def status_of(heard: Heard) -> int:
    """Return a response's status."""
    return int(heard.data.split(b" ")[1])


@pytest.mark.parametrize(("status", "request_bytes"), REQUESTS.values(), ids=REQUESTS)
async def test_a_hostile_request_is_refused_counted_and_in_the_journal(
    tmp_path: Path, status: int, request_bytes: bytes
) -> None:
    """One line gives the reason, the connection ends, and the next peer is answered as usual."""
    async with one_site(tmp_path) as target:
        heard = await anyio.to_thread.run_sync(target.peer.ask, request_bytes)
        assert (status_of(heard), heard.end) == (status, "fin")
        assert re.fullmatch(rb"HTTP/1.1 \d+ .*\r\n\r\n[^\r\n]+\n", heard.data, re.DOTALL)
        entry = (await target.ended())[0]
        assert (entry["status"], entry["ended"], entry["sent_bytes"]) == (status, "fin", len(heard.data))
        head = str(entry["request_head"]).encode("latin-1")
        assert head == request_bytes[: len(head)]
        assert len(head) <= 32 * 1024
        assert 'site_requests_total{fault="",host="",outcome="fin"} 1.0' in await metrics(target)
        again = await anyio.to_thread.run_sync(lambda: target.peer.ask(most=len(KEEP)))
        assert again.data == KEEP


async def metrics(target: Target) -> str:
    """Return the text of /metrics."""
    import aiohttp

    async with aiohttp.ClientSession() as session, session.get(f"{target.admin}/metrics") as answer:
        return await answer.text()


async def test_a_head_that_never_ends_is_cut_off(tmp_path: Path) -> None:
    """408 after the deadline of a head, also while bytes still come; the journal has these bytes."""
    async with one_site(tmp_path, head_timeout_s=1.0) as target:

        def ask() -> Heard:
            with target.peer.connect() as connection:
                connection.sendall(CONTENT)
                return listen(connection, 1 << 62)

        heard = await anyio.to_thread.run_sync(ask)
        assert (status_of(heard), heard.end) == (408, "fin")
        entry = (await target.ended())[0]
        assert (entry["status"], entry["request_head"]) == (408, CONTENT.decode())


ERRORS_TO_HEAD = {
    "421": b"HEAD / HTTP/1.1\r\nHost: other.test\r\n\r\n",
    "400": b"HEAD / HTTP/1.1\r\n\r\n",
    "431": b"HEAD / HTTP/1.1\r\nHost: keep.test\r\n" + b"X: y\r\n" * 300 + b"\r\n",
}


@pytest.mark.parametrize(("status", "head_request"), ERRORS_TO_HEAD.items(), ids=ERRORS_TO_HEAD)
async def test_an_error_answers_head_with_a_head(tmp_path: Path, status: str, head_request: bytes) -> None:
    """RFC 9110, section 9.3.2: the head is that of the answer to a GET."""
    async with one_site(tmp_path) as target:
        heard = await anyio.to_thread.run_sync(target.peer.ask, head_request)
        assert (str(status_of(heard)), heard.end) == (status, "fin")
        assert heard.data.endswith(b"\r\nConnection: close\r\n\r\n")
        get_request = head_request.replace(b"HEAD", b"GET")
        assert (await anyio.to_thread.run_sync(target.peer.ask, get_request)).data.startswith(heard.data)


async def test_a_target_with_digits_that_are_none_is_a_first_one(tmp_path: Path) -> None:
    """Superscript two is a digit to str.isdigit, and no number to int."""
    async with one_site(tmp_path) as target:
        await target.set_plan([{"fault": "redirect_loop"}])
        request = b"GET /lab-loop/\xb2 HTTP/1.1\r\nHost: keep.test\r\nConnection: close\r\n\r\n"
        heard = await anyio.to_thread.run_sync(target.peer.ask, request)
        assert heard == Heard(b"HTTP/1.1 302 Found\r\nLocation: /lab-loop/1\r\nContent-Length: 0\r\n\r\n", "fin")


@pytest.mark.parametrize("when", ["at once", "after a pause"])
async def test_a_mistake_in_the_code_is_not_blamed_on_the_peer(
    tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The exchange ends, and the journal and the log say that it is the site's error."""

    def broken(_play: FaultContext) -> Script:
        yield b"HTTP"
        if when == "after a pause":
            yield Pause(0.01)
        raise ValueError("a mistake")

    faults = {**FAULTS, "drip": dataclasses.replace(FAULTS["drip"], script=broken)}
    monkeypatch.setattr("services.sites.faults.plan.FAULTS", faults)
    async with one_site(tmp_path) as target:
        await target.set_plan([{"fault": "drip"}])
        heard = await anyio.to_thread.run_sync(target.peer.ask)
        assert heard.data == b"HTTP"
        entry = (await target.ended())[0]
        assert (entry["ended"], entry["sent_bytes"], entry["fault"]) == ("site_error", 4, "drip")
        assert "a mistake" in caplog.text


LOST = {
    "the peer ended it": (None, "peer_fin"),
    "the peer reset it": (ConnectionResetError(), "peer_rst"),
    "the loop caught a mistake": (ValueError("a mistake"), "site_error"),
}


@pytest.mark.parametrize(("error", "end"), LOST.values(), ids=LOST)
async def test_only_an_error_of_the_system_is_the_peers(error: Exception | None, end: str) -> None:
    """asyncio passes an exception of a protocol's callback to its connection_lost."""
    assert ended_by(error) == end


async def test_a_connection_without_a_request_is_closed_and_in_the_journal(tmp_path: Path) -> None:
    """Without an answer: there is no request."""
    async with one_site(tmp_path, idle_timeout_s=0.3) as target:

        def wait() -> Heard:
            with target.peer.connect() as connection:
                return listen(connection, 1 << 62)

        assert (await anyio.to_thread.run_sync(wait)).data == b""
        entry = (await target.ended())[0]
        assert (entry["exchange"], entry["ended"], entry["sent_bytes"]) == (0, "timed_out", 0)


async def test_half_a_request_that_ends_is_in_the_journal(tmp_path: Path) -> None:
    """With its bytes, and that the peer ended it."""
    async with one_site(tmp_path) as target:

        def ask() -> None:
            with target.peer.connect() as connection:
                connection.sendall(b"GET / HT")

        await anyio.to_thread.run_sync(ask)
        entry = (await target.ended())[0]
        assert (entry["exchange"], entry["request_head"], entry["ended"]) == (0, "GET / HT", "peer_fin")


async def test_a_peer_that_does_not_read_is_cut_off(tmp_path: Path) -> None:
    """The answer waits in the kernel, not in memory; then the write deadline ends the connection."""
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n" + bytes(8_000_000)
    async with one_site(tmp_path, raw, write_timeout_s=0.3) as target:
        peer = target.peer

        def ask() -> None:
            with peer.connect() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # type: ignore[union-attr]
                connection.sendall(peer.get())
                entries = anyio.from_thread.run(target.ended)
                assert entries[0]["ended"] == "timed_out"
                assert int(str(entries[0]["sent_bytes"])) < len(raw)

        await anyio.to_thread.run_sync(ask)


async def test_a_peer_that_reads_late_gets_everything(tmp_path: Path) -> None:
    """The journal counts the bytes that the kernel took."""
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\nConnection: close\r\n\r\n" + bytes(8_000_000)
    async with one_site(tmp_path, raw) as target:
        peer = target.peer

        def ask() -> Heard:
            with peer.connect() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262_144)  # type: ignore[union-attr]
                connection.sendall(peer.get())
                first = listen(connection, 1)
                waiting = anyio.from_thread.run(target.entries)[0]
                assert (waiting["ended"], int(str(waiting["sent_bytes"])) < len(raw)) == (None, True)
                rest = listen(connection, 1 << 62)
                return Heard(first.data + rest.data, rest.end)

        assert await anyio.to_thread.run_sync(ask) == Heard(raw, "fin")
        entry = (await target.ended())[0]
        assert (entry["sent_bytes"], entry["ended"]) == (len(raw), "fin")


async def test_no_name_from_a_request_is_looked_for_in_the_directory(tmp_path: Path) -> None:
    """A file that was added after the recordings were read is not played because a request names it."""
    async with one_site(tmp_path, reload_s=3600.0) as target:
        await anyio.Path(tmp_path, "later.test.http").write_bytes(KEEP)
        heard = await anyio.to_thread.run_sync(target.peer.ask, b"GET / HTTP/1.1\r\nHost: later.test\r\n\r\n")
        assert status_of(heard) == 421


def turned_away_by(peer: Peer) -> bytes:
    """Return what a connection gets that is one too many; its RST may come before `connect` has returned."""
    try:
        with peer.connect() as connection:
            return listen(connection, 1).data
    except ConnectionResetError:
        return b""


async def test_connections_over_the_limit_are_refused(tmp_path: Path) -> None:
    """They are counted; the open ones are answered."""
    async with one_site(tmp_path, max_connections=2) as target:
        peer = target.peer

        def ask() -> bytes:
            with peer.connect() as first, peer.connect() as second:
                turned_away = turned_away_by(peer)
                second.sendall(peer.get())
                assert listen(second, len(KEEP)).data == KEEP
                first.sendall(peer.get())
                assert listen(first, len(KEEP)).data == KEEP
                return turned_away

        assert await anyio.to_thread.run_sync(ask) == b""
        assert "site_connections_turned_away_total 1.0" in await metrics(target)
