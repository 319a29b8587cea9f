"""Replay: a socket reads the bytes of the file; HEAD, keep-alive and pipelining work as on a real server."""

from collections.abc import Callable
from pathlib import Path

import anyio.to_thread
import pytest

from services.sites.connection.connection import Connection
from tests.sites.peer import Heard, listen
from tests.sites.target import KEEP, Target, one_site, sites, target_of

pytestmark = pytest.mark.anyio

RAW = {
    "mixed case, duplicates interleaved": (
        b"HTTP/1.1 200 OK\r\nsEt-CoOkIe: a=1\r\nX: 1\r\nSet-Cookie: b=2\r\nx: 2\r\nContent-Length: 2\r\n\r\nok"
    ),
    "no space, many spaces, trailing spaces": (
        b"HTTP/1.1 200 OK\r\nA:b\r\nC:   d  \r\nE :f\r\nContent-Length: 2\r\n\r\nok"
    ),
    "not ASCII": b"HTTP/1.1 200 \xe4\xbd\xa0\xe5\xa5\xbd\r\nX-\xff: \x80\xff\r\nContent-Length: 2\r\n\r\nok",
    "empty reason": b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "bare LF": b"HTTP/1.1 200 OK\nServer: x\nContent-Length: 2\n\nok",
    "folded": b"HTTP/1.1 200 OK\r\nX: a\r\n\tb\r\nContent-Length: 2\r\n\r\nok",
    "a line without a colon": b"HTTP/1.1 200 OK\r\nwhat is this\r\nContent-Length: 2\r\n\r\nok",
    "NUL and other controls": b"HTTP/1.1 200 OK\r\nX: a\0\x01\x7fb\r\nContent-Length: 2\r\n\r\nok",
    "interim heads": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "a large body": b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + bytes(range(256)) * 11_718 + bytes(192),
    "no length": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
}


async def heard(target: Target, request: bytes | None = None) -> Heard:
    """Send one request that closes the connection, and return what comes."""
    asked = request or target.peer.get(fields="Connection: close\r\n")
    return await anyio.to_thread.run_sync(target.peer.ask, asked)


@pytest.mark.parametrize("secure", [False, True], ids=["http", "tls"])
@pytest.mark.parametrize("raw", RAW.values(), ids=RAW)
async def test_what_a_socket_reads_is_the_file(tmp_path: Path, raw: bytes, secure: bool) -> None:
    """To the byte: nothing is normalised, added or refreshed; then the connection is closed."""
    async with one_site(tmp_path, raw, secure=secure) as target:
        assert await heard(target) == Heard(raw, "fin")
        assert (await target.ended())[0]["sent_bytes"] == len(raw)


async def test_a_sidecar_may_refresh_the_date_and_nothing_else(tmp_path: Path) -> None:
    """The field keeps its place and its case; its value is the time of the answer."""
    raw = b"HTTP/1.1 200 OK\r\nA: b\r\ndate: Sun, 04 Dec 2016 14:31:37 GMT\r\nContent-Length: 0\r\n\r\n"
    async with one_site(tmp_path, raw, sidecar=b"[fields]\nDate = 'now'\n") as target:
        lines = (await heard(target)).data.split(b"\r\n")
    assert lines[:2] == [b"HTTP/1.1 200 OK", b"A: b"]
    assert lines[2].startswith(b"date: ")
    assert b"2016" not in lines[2]
    assert lines[3:] == [b"Content-Length: 0", b"", b""]


async def test_a_refreshed_date_is_that_of_each_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the same request comes again, byte for byte, on the same connection: no answer is an old one."""
    raw = b"HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 0\r\n\r\n"
    days = [f"{day:02}" for day in range(1, 5)]
    clock = iter(f"Mon, {day} Jan 2018 00:00:00 GMT" for day in days)
    monkeypatch.setattr("services.sites.replay.recording.formatdate", lambda **_usegmt: next(clock))
    async with one_site(tmp_path, raw, sidecar=b"[fields]\nDate = 'now'\n") as target:
        expected = [raw.replace(b"then", b"Mon, %s Jan 2018 00:00:00 GMT" % day.encode()) for day in days]

        def ask() -> list[bytes]:
            answers = []
            with target.peer.connect() as connection:
                for each in expected:
                    connection.sendall(target.peer.get())
                    answers.append(listen(connection, len(each)).data)
            return answers

        assert await anyio.to_thread.run_sync(ask) == expected


HEADS_ONLY = {
    "close": (b"after = 'close'", "fin"),
    "idle": (b"after = 'idle'", "open"),
}


@pytest.mark.parametrize(("sidecar", "end"), HEADS_ONLY.values(), ids=HEADS_ONLY)
async def test_after_the_head_may_come_the_end_or_nothing(tmp_path: Path, sidecar: bytes, end: str) -> None:
    """The body is left out, although the head promises one."""
    head = KEEP.removesuffix(b"hello")
    async with one_site(tmp_path, KEEP, sidecar=sidecar) as target:
        got = await anyio.to_thread.run_sync(target.peer.ask_then_leave, len(head) + (end == "fin"))
    assert got == Heard(head, end)  # type: ignore[arg-type]


@pytest.mark.parametrize("secure", [False, True], ids=["http", "tls"])
async def test_head_requests_get_the_head_alone(tmp_path: Path, secure: bool) -> None:
    """The connection is kept: a GET on it gets a complete answer (RFC 9110, section 9.3.2)."""
    async with one_site(tmp_path, secure=secure) as target:
        peer, head = target.peer, target.recording.head

        def ask() -> Heard:
            with peer.connect() as connection:
                for _again in range(2):  # the second time it is known
                    connection.sendall(peer.get(method="HEAD"))
                    assert listen(connection, len(head)).data == head
                connection.sendall(peer.get(fields="Connection: close\r\n"))
                return listen(connection, 1 << 62)

        assert await anyio.to_thread.run_sync(ask) == Heard(KEEP, "fin")
        entries = await target.ended()
    assert [(entry["exchange"], entry["method"], entry["ended"]) for entry in entries] == [
        (1, "HEAD", "kept"),
        (2, "HEAD", "kept"),
        (3, "GET", "fin"),
    ]


async def test_pipelined_requests_are_answered_in_order(tmp_path: Path) -> None:
    """A hundred requests in one write, half of them HEAD (RFC 9112, section 9.3.2)."""
    async with one_site(tmp_path) as target:
        peer, head = target.peer, target.recording.head
        requests = b"".join(peer.get(f"/{n}", method="HEAD" if n % 2 else "GET") for n in range(100))
        got = await heard(target, requests + peer.get(fields="Connection: close\r\n"))
        entries = await target.entries()
    assert got == Heard((KEEP + head) * 50 + KEEP, "fin")
    assert [entry["target"] for entry in entries] == [*(f"/{n}" for n in range(1, 100)), "/"]
    assert [entry["exchange"] for entry in entries] == list(range(2, 102))


async def test_a_request_in_single_bytes_is_a_request(tmp_path: Path) -> None:
    """TCP has no messages."""
    async with one_site(tmp_path) as target:
        peer = target.peer

        def ask() -> Heard:
            with peer.connect() as connection:
                for byte in peer.get(fields="Connection: close\r\n"):
                    connection.sendall(bytes([byte]))
                return listen(connection, 1 << 62)

        assert await anyio.to_thread.run_sync(ask) == Heard(KEEP, "fin")


FORMS = {
    "absolute form": "GET http://keep.test/a?b HTTP/1.1\r\nHost: other.test\r\n",
    "absolute form, https, upper case": "GET HTTPS://KEEP.TEST:443 HTTP/1.1\r\nHost: x\r\n",
    "host with port": "GET / HTTP/1.1\r\nHost: keep.test:8080\r\n",
    "host in upper case, with a last dot": "GET / HTTP/1.1\r\nhOsT: KEEP.test.\r\n",
    "no host in HTTP/1.0": "GET / HTTP/1.0\r\n",
    "empty host": "GET / HTTP/1.1\r\nHost:\r\n",
    "asterisk form": "OPTIONS * HTTP/1.1\r\nHost: keep.test\r\n",
    "bare LF": "GET / HTTP/1.1\nHost: keep.test\n",
    "empty lines first": "\r\n\r\nGET / HTTP/1.1\r\nHost: keep.test\r\n",
    "a body": "POST / HTTP/1.1\r\nHost: keep.test\r\nContent-Length: 0\r\n",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_every_form_of_a_target_is_understood(tmp_path: Path, form: str) -> None:
    """RFC 9112, section 3.2: a host in the target comes before the Host field."""
    end = "\n" if "\r\n" not in form else "\r\n"
    async with one_site(tmp_path) as target:
        assert await heard(target, f"{form}Connection: close{end}{end}".encode()) == Heard(KEEP, "fin")


BODIES = {
    "length": b"POST / HTTP/1.1\r\nHost: keep.test\r\nContent-Length: 10\r\n\r\n0123456789",
    "chunked": (
        b"POST / HTTP/1.1\r\nHost: keep.test\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5;x=y\r\n01234\r\n0\r\nTrailer: z\r\n\r\n"
    ),
}


@pytest.mark.parametrize("request_with_body", BODIES.values(), ids=BODIES)
async def test_a_request_body_is_read_and_the_connection_kept(tmp_path: Path, request_with_body: bytes) -> None:
    """Bytes of a body that look like a request are no request."""
    async with one_site(tmp_path) as target:
        last = target.peer.get(fields="Connection: close\r\n")
        assert await heard(target, request_with_body * 2 + last) == Heard(KEEP * 3, "fin")
        assert len(await target.entries()) == 3


async def test_a_peer_that_has_ended_its_side_is_still_answered(tmp_path: Path) -> None:
    """As `printf ... | nc` does."""
    import socket

    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + bytes(3_000_000)
    async with one_site(tmp_path, raw) as target:

        def ask() -> Heard:
            with target.peer.connect() as connection:
                connection.sendall(target.peer.get())
                connection.shutdown(socket.SHUT_WR)
                return listen(connection, 1 << 62)

        assert await anyio.to_thread.run_sync(ask) == Heard(raw, "fin")


async def test_hosts_of_one_port_are_told_apart_by_name(tmp_path: Path) -> None:
    """As in a container that plays a directory; over TLS, the certificate is of the name that is asked for."""
    names = ("a.test", "b.test")
    raw: Callable[[str], bytes] = lambda name: f"HTTP/1.1 200 {name}\r\nContent-Length: 0\r\n\r\n".encode()  # noqa: E731
    async with sites({f"{name}.http": raw(name) for name in names}, tmp_path) as running:
        addresses = running.listeners.of("a.test")
        for secure in (False, True):
            for name in names:
                target = await target_of(running, name, secure=secure)
                peer = type(target.peer)(addresses[secure], name, target.peer.context)
                got = await anyio.to_thread.run_sync(peer.ask, peer.get(fields="Connection: close\r\n"))
                assert got.data == raw(name)


@pytest.mark.parametrize("secure", [False, True], ids=["http", "tls"])
async def test_known_requests_give_the_same_answers_journal_and_counts(tmp_path: Path, secure: bool) -> None:
    """The fast path for known requests gives the same entries, except numbers and times."""
    async with one_site(tmp_path, secure=secure) as target:
        peer = target.peer

        def ask() -> bytes:
            with peer.connect() as connection:
                data = b""
                for _again in range(3):
                    connection.sendall(peer.get())
                    data += listen(connection, len(KEEP)).data
                return data

        assert await anyio.to_thread.run_sync(ask) == KEEP * 3
        first, second, third = await target.ended()
    numbers = {"entry", "exchange", "received_s", "ended_s"}
    assert [{name: value for name, value in entry.items() if name not in numbers} for entry in (second, third)] == [
        {name: value for name, value in first.items() if name not in numbers}
    ] * 2
    assert [entry["exchange"] for entry in (first, second, third)] == [1, 2, 3]


async def test_known_requests_share_one_copy_of_the_answer(tmp_path: Path) -> None:
    """Four thousand targets of a page would otherwise be four thousand copies."""
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + bytes(60_000)
    async with sites({"keep.test.http": raw}, tmp_path) as running:
        target = await target_of(running, "keep.test")
        head = target.recording.head

        def ask() -> None:
            with target.peer.connect() as connection:
                for number in range(10):
                    connection.sendall(target.peer.get(f"/{number}"))
                    assert listen(connection, len(raw)).data == raw
                    connection.sendall(target.peer.get(f"/{number}", method="HEAD"))
                    assert listen(connection, len(head)).data == head

        await anyio.to_thread.run_sync(ask)
        wires = [known.wire for known in running.site.known.values()]
        assert len(wires) == 20
        assert len({id(wire) for wire in wires}) == 2


async def test_an_answer_in_several_writes_is_not_held_back(tmp_path: Path) -> None:
    """Nagle's algorithm is off on both loops: with it, a dripping head would come 40 ms late, and not as asked."""
    import socket

    async with sites({"keep.test.http": KEEP}, tmp_path) as running:
        target = await target_of(running, "keep.test")
        connection = await anyio.to_thread.run_sync(target.peer.connect)
        with connection:
            await anyio.to_thread.run_sync(connection.sendall, target.peer.get())
            await anyio.to_thread.run_sync(listen, connection, len(KEEP))
            open_connection = next(iter(running.site.connections))
            assert isinstance(open_connection, Connection)
            accepted = open_connection.transport.get_extra_info("socket")
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
