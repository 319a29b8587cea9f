"""Requests with `Expect: 100-continue` (RFC 9110, section 10.1.1): a client waits for 100 before it sends a body."""

import asyncio
import hashlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import anyio.to_thread
import pytest

from services.sites.connection.connection import CONTINUE, Connection
from services.sites.http.request import RequestReader
from services.sites.journal import Exchange
from services.sites.settings import SitesSettings
from services.sites.site import Site
from services.sites.states_and_deadlines import State
from tests.sites.peer import Heard, SecureSocket, listen
from tests.sites.target import KEEP, Target, one_site, recording_of
from tests.sites.tls.test_layers import Narrow

pytestmark = pytest.mark.anyio

EXPECTS = "Expect: 100-continue\r\n"
BODY = b"name=value"
CHUNKED = b"a\r\nname=value\r\n0\r\n\r\n"
HASH = hashlib.sha256(BODY).hexdigest()


async def asked(target: Target, ask: Callable[[socket.socket | SecureSocket], Heard]) -> Heard:
    """Return what is heard of a target on one connection."""

    def run() -> Heard:
        with target.peer.connect() as connection:
            return ask(connection)

    return await anyio.to_thread.run_sync(run)


def put(target: Target, fields: str, *, version: str = "1.1") -> bytes:
    """Return the head of a request with a body."""
    return target.peer.get(method="PUT", fields=fields).replace(b"HTTP/1.1", f"HTTP/{version}".encode(), 1)


BODIES: Mapping[str, tuple[str, bytes]] = {
    "of a length": (f"{EXPECTS}Content-Length: {len(BODY)}\r\n", BODY),
    "chunked": (f"{EXPECTS}Transfer-Encoding: chunked\r\n", CHUNKED),
    "in capitals": (f"EXPECT: 100-Continue\r\nContent-Length: {len(BODY)}\r\n", BODY),
}


@pytest.mark.parametrize("secure", [False, True], ids=["http", "tls"])
@pytest.mark.parametrize(("fields", "body"), BODIES.values(), ids=BODIES)
async def test_the_body_is_asked_for_and_comes_into_the_journal(
    tmp_path: Path, secure: bool, fields: str, body: bytes
) -> None:
    """Twice on one connection, which stays open; 100 is no part of what the journal counts."""
    async with one_site(tmp_path, secure=secure) as target:

        def ask(connection: socket.socket | SecureSocket) -> Heard:
            heard = b""
            for _time in range(2):
                connection.sendall(put(target, fields))
                heard += listen(connection, len(CONTINUE)).data
                connection.sendall(body)
                heard += listen(connection, len(KEEP)).data
            return Heard(heard, "open")

        assert (await asked(target, ask)).data == (CONTINUE + KEEP) * 2
        for entry in await target.ended():
            assert (entry["body_bytes"], entry["body_sha256"]) == (len(BODY), HASH)
            assert (entry["sent_bytes"], entry["ended"]) == (len(KEEP), "kept")


AT_ONCE: Mapping[str, tuple[str, str, bytes, bytes]] = {
    "what has come already": ("1.1", f"{EXPECTS}Content-Length: {len(BODY)}\r\n", BODY, KEEP),
    "a part of it": ("1.1", f"{EXPECTS}Content-Length: {len(BODY)}\r\n", BODY[:3], b""),
    "a part of a chunk": ("1.1", f"{EXPECTS}Transfer-Encoding: chunked\r\n", b"a\r", b""),
    "no body": ("1.1", EXPECTS, b"", KEEP),
    "an empty body": ("1.1", f"{EXPECTS}Content-Length: 0\r\n", b"", KEEP),
    "HTTP/1.0": ("1.0", f"{EXPECTS}Content-Length: {len(BODY)}\r\n", BODY, KEEP),
    "another expectation": ("1.1", "Expect: more\r\nContent-Length: 1000\r\n", b"", KEEP),
}


@pytest.mark.parametrize(("version", "fields", "came", "answer"), AT_ONCE.values(), ids=AT_ONCE)
async def test_what_needs_no_100_gets_none(
    tmp_path: Path, version: str, fields: str, came: bytes, answer: bytes
) -> None:
    """The body is there, or on its way, or will not be read."""
    async with one_site(tmp_path, head_timeout_s=1.0) as target:

        def ask(connection: socket.socket | SecureSocket) -> Heard:
            connection.sendall(put(target, fields, version=version) + came)
            return listen(connection, len(answer) or 13)

        heard = await asked(target, ask)
        assert heard.data == answer or (not answer and heard.data.startswith(b"HTTP/1.1 408 "))


async def test_a_body_that_never_comes_is_408(tmp_path: Path) -> None:
    """Within the deadline of a request; the client has had its 100."""
    async with one_site(tmp_path, head_timeout_s=1.0) as target:
        head = put(target, f"{EXPECTS}Content-Length: 10\r\n")
        heard = await anyio.to_thread.run_sync(target.peer.ask, head)
        assert heard.data.startswith(CONTINUE + b"HTTP/1.1 408 ")
        assert heard.end == "fin"


async def test_a_fault_counts_its_bytes_without_100(tmp_path: Path) -> None:
    """It strikes when the request is whole."""
    async with one_site(tmp_path) as target:
        await target.set_plan([{"fault": "rst_at", "bytes": 20}])

        def ask(connection: socket.socket | SecureSocket) -> Heard:
            connection.sendall(put(target, f"{EXPECTS}Content-Length: {len(BODY)}\r\n"))
            first = listen(connection, len(CONTINUE))
            connection.sendall(BODY)
            return replace(listen(connection, 1 << 62), data=first.data)

        assert await asked(target, ask) == Heard(CONTINUE, "rst")
        (entry,) = await target.ended()
        assert (entry["sent_bytes"], entry["body_bytes"], entry["ended"]) == (20, len(BODY), "rst")


async def test_a_peer_that_does_not_take_its_100_is_blocked_once_its_request_is_whole() -> None:
    """Its answer comes when 100 has been taken, and not before; the journal counts the answer alone."""
    site = Site(SitesSettings(), {"keep.test": recording_of(KEEP)})
    connection, wire = Connection(site, None), Narrow()
    wire.protocol = connection
    connection.connection_made(wire)
    wire.is_narrow = True
    connection.data_received(b"PUT / HTTP/1.1\r\nHost: keep.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert (connection.state, wire.taken()) == (State.READING, CONTINUE)
    connection.data_received(b"ok")
    assert (connection.state, wire.taken()) == (State.BLOCKED, b"")
    wire.is_narrow = False
    connection.resume_writing()
    await asyncio.sleep(0)  # the writer goes on in the loop's next round
    await asyncio.sleep(0)
    assert (connection.state, wire.taken()) == (State.IDLE, KEEP)
    (entry,) = site.journal.entries
    assert isinstance(entry, Exchange)
    assert (entry.sent_bytes, entry.ended) == (len(KEEP), "kept")


async def test_a_peer_that_takes_its_100_late_is_answered_as_ever() -> None:
    """Before its request is whole."""
    site = Site(SitesSettings(), {"keep.test": recording_of(KEEP)})
    connection, wire = Connection(site, None), Narrow()
    wire.protocol = connection
    connection.connection_made(wire)
    wire.is_narrow = True
    connection.data_received(b"PUT / HTTP/1.1\r\nHost: keep.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    wire.is_narrow = False
    connection.resume_writing()
    connection.data_received(b"ok")
    assert (connection.state, wire.taken()) == (State.IDLE, CONTINUE + KEEP)


def test_a_reader_tells_once_that_a_client_waits() -> None:
    """Not before the head is whole, and not again."""
    head = b"PUT / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    reader = RequestReader()
    told = []
    for position in range(len(head)):
        reader.feed(head[position : position + 1])
        assert reader.next_request() is None
        told.append(reader.take_waiting())
    assert told == [False] * (len(head) - 1) + [True]
    assert not reader.take_waiting()
    reader.feed(b"ok")
    assert reader.next_request() is not None
    assert not reader.take_waiting()
