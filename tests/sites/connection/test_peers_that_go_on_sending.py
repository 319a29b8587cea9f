"""Peers that send after the end of their last request: this costs no memory, and moves no deadline.

The connection is given the bytes directly, as its transport would: so each is through when its effect is looked at.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import cast

import anyio.from_thread
import anyio.to_thread
import pytest

from services.sites.connection.connection import Connection
from services.sites.connection.writer import raw_transport
from services.sites.server import RunningSite
from services.sites.states_and_deadlines import State
from services.sites.tls.protocol import BLOCK_BYTES, MAX_REPLIES_BYTES, TLSProtocol
from tests.sites.connection.test_backpressure import connections
from tests.sites.peer import Heard, Peer, SecureSocket, listen
from tests.sites.target import KEEP, Target, sites, target_of
from tests.sites.test_server import until
from tests.sites.tls.test_client_hello import with_name

pytestmark = pytest.mark.anyio

LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000)
HANDSHAKE_FAILURE = b"\x15\x03\x03\0\x02\x02\x28"
MUCH = bytes(32 * BLOCK_BYTES)


async def the_connection(running: RunningSite, is_there: Callable[[Connection], bool]) -> Connection:
    """Return the only connection, once something holds for it."""

    async def holds() -> bool:
        return any(map(is_there, connections(running)))

    await until(holds)
    (open_connection,) = connections(running)
    return open_connection


def tls_of(connection: Connection) -> TLSProtocol:
    """Return the layer below a connection over TLS."""
    tls = lowest(connection)
    assert isinstance(tls, TLSProtocol)
    return tls


def lowest(connection: Connection) -> asyncio.Protocol:
    """Return what the loop gives a connection's bytes to."""
    return cast("asyncio.Protocol", raw_transport(connection.transport).get_protocol())


async def send_on(running: RunningSite, open_connection: Connection, data: bytes) -> None:
    """Let the peer send bytes one by one, and many at once; check what must not change."""
    receive = lowest(open_connection).data_received
    since, state, entries = open_connection.since, open_connection.state, running.site.journal.total
    held = bytes(open_connection.unread.reader.buffer) if open_connection.unread else b""
    for byte in data[:10]:
        receive(bytes([byte]))
    for _again in range(3):
        receive(data)
    assert (open_connection.since, open_connection.state, running.site.journal.total) == (since, state, entries)
    assert (open_connection.unread.reader.buffer if open_connection.unread else b"") == held
    assert open_connection.unread is None or open_connection.unread.share.size == 0


async def test_after_a_handshake_that_failed_nothing_is_kept_or_entered_and_no_deadline_moves(tmp_path: Path) -> None:
    """One connection is one entry; its session's memory is released with the alert."""
    async with sites({"keep.test.http": KEEP}, tmp_path) as running:
        target = await target_of(running, "keep.test", secure=True)

        async def goes_on() -> None:
            open_connection = await the_connection(running, lambda each: each.state is State.LINGER)
            tls = tls_of(open_connection)
            assert running.site.budget.tls.used == 0
            await send_on(running, open_connection, MUCH)
            assert (tls.tls, tls.incoming, tls.outgoing) == (None, None, None)
            assert running.site.journal.total == 1

        def attack() -> Heard:
            with Peer(target.peer.address, target.peer.host).connect() as connection:
                connection.sendall(with_name(b"keep.test"))
                heard = listen(connection, 1 << 62)
                anyio.from_thread.run(goes_on)
                return heard

        assert await anyio.to_thread.run_sync(attack) == Heard(HANDSHAKE_FAILURE, "fin")


async def test_what_follows_close_notify_is_dropped_while_an_answer_is_on_its_way(tmp_path: Path) -> None:
    """RFC 8446, section 6.1: it is ignored. The answer comes whole."""
    async with sites({"large.test.http": LARGE}, tmp_path) as running:
        target = await target_of(running, "large.test", secure=True)

        async def goes_on() -> None:
            open_connection = await the_connection(running, lambda each: each.peer_ended)
            tls = tls_of(open_connection)
            assert tls.incoming is not None
            assert open_connection.state is State.BLOCKED
            await send_on(running, open_connection, MUCH)
            assert tls.incoming.pending <= BLOCK_BYTES

        def attack() -> Heard:
            with target.peer.connect() as connection:
                connection.sendall(target.peer.get())
                anyio.from_thread.run(the_connection, running, lambda each: each.state is State.BLOCKED)
                cast("SecureSocket", connection).send_close_notify()
                anyio.from_thread.run(goes_on)
                return listen(connection, len(LARGE))

        assert await anyio.to_thread.run_sync(attack) == Heard(LARGE, "open")


async def test_a_peer_that_makes_tls_reply_without_end_is_cut_off(tmp_path: Path) -> None:
    """OpenSSL's own replies, to new keys and new handshakes, wait for an answer to go with: they have a bound."""
    async with sites({"keep.test.http": KEEP}, tmp_path) as running:
        target = await target_of(running, "keep.test", secure=True)

        async def replies() -> None:
            open_connection = await the_connection(running, lambda each: each.state is State.IDLE)
            tls = tls_of(open_connection)
            assert tls.outgoing is not None
            tls.outgoing.write(bytes(MAX_REPLIES_BYTES + 1))
            tls.data_received(b"\x17")

        def attack() -> Heard:
            with target.peer.connect() as connection:
                anyio.from_thread.run(replies)
                return listen(connection, 1 << 62)

        assert (await anyio.to_thread.run_sync(attack)).data == b""


STATES: dict[str, tuple[bool, dict[str, object], State]] = {
    "after a refusal": (False, {}, State.LINGER),
    "a fault that says nothing": (False, {"fault": "stall_at", "bytes": 0}, State.SILENT),
    "a stalled handshake": (True, {"fault": "tls_stall"}, State.SILENT),
}


@pytest.mark.parametrize(("secure", "rule", "state"), STATES.values(), ids=STATES)
async def test_after_the_last_answer_nothing_is_kept_and_no_deadline_moves(
    tmp_path: Path, secure: bool, rule: dict[str, object], state: State
) -> None:
    """A byte from time to time keeps no connection open."""
    async with sites({"keep.test.http": KEEP}, tmp_path) as running:
        target = await target_of(running, "keep.test", secure=secure)
        await target.set_plan([rule] if rule else [])
        first = with_name(b"keep.test") if secure else target.peer.get(fields="" if rule else "Host: twice\r\n")
        await send_first(running, target, first, state, MUCH)


async def test_empty_lines_between_requests_move_no_deadline(tmp_path: Path) -> None:
    """They are no part of a request (RFC 9112, section 2.2)."""
    async with sites({"keep.test.http": KEEP}, tmp_path) as running:
        target = await target_of(running, "keep.test")
        await send_first(running, target, b"\r\n", State.IDLE, b"\r\n" * 1_000, one_by_one=False)


async def send_first(
    running: RunningSite, target: Target, first: bytes, state: State, then: bytes, *, one_by_one: bool = True
) -> None:
    """Connect, send, and once the connection is in that state go on sending."""

    async def goes_on() -> None:
        open_connection = await the_connection(running, lambda each: each.state is state)
        if one_by_one:
            await send_on(running, open_connection, then)
            return
        since = open_connection.since
        lowest(open_connection).data_received(then)
        assert (open_connection.since, open_connection.state) == (since, state)

    def attack() -> None:
        with Peer(target.peer.address, target.peer.host).connect() as connection:
            connection.sendall(first)
            anyio.from_thread.run(goes_on)

    await anyio.to_thread.run_sync(attack)
