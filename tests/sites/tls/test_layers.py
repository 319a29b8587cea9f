"""TLS as a layer: what the loop's transport tells reaches the connection, and the connection's bytes reach the peer.

The transport is a fake that takes one write at a time, and the peer is OpenSSL over memory: there is no socket.
"""

import asyncio
import contextlib
import gc
import ssl

import pytest

from services.sites.connection.connection import Connection
from services.sites.connection.unread import Unread
from services.sites.connection.writer import ResponseWriter
from services.sites.settings import SitesSettings
from services.sites.site import Site
from services.sites.states_and_deadlines import State
from services.sites.tls.authority import Authority
from services.sites.tls.protocol import READ_BYTES, TLSProtocol
from services.sites.tls.transport import TLSTransport
from tests.sites.target import recording_of

HOST = "large.test"
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + bytes(60_000)
GET = b"GET / HTTP/1.1\r\nHost: large.test\r\n\r\n"


class Narrow(asyncio.Transport):
    """A transport whose system takes what is written, and then nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.protocol: asyncio.Protocol | None = None
        self.is_narrow = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take it, and no more."""
        self.sent += data
        if self.is_narrow and self.protocol:
            self.protocol.pause_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Keep no buffer."""

    def is_closing(self) -> bool:
        """Stay open."""
        return False

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        data, self.sent = self.sent, b""
        return data


class Secured:
    """A connection over TLS that is agreed on, and its peer."""

    def __init__(self, authority: Authority) -> None:
        self.site = Site(SitesSettings(), {HOST: recording_of(LARGE, HOST)})
        self.below, self.layer = Narrow(), TLSProtocol(self.site, HOST, authority)
        self.below.protocol = self.layer
        self.came, self.sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cadata=authority.certificate().decode())
        self.peer = context.wrap_bio(self.came, self.sent, server_hostname=HOST)
        self.layer.connection_made(self.below)
        while not self.layer.established:
            with contextlib.suppress(ssl.SSLWantReadError):
                self.peer.do_handshake()
            self.layer.data_received(self.sent.read())
            self.came.write(self.below.taken())

    def say(self, data: bytes) -> None:
        """Send bytes, as the peer."""
        self.peer.write(data)
        self.layer.data_received(self.sent.read())

    def heard(self) -> bytes:
        """Return what the peer has got since the last time."""
        self.came.write(self.below.taken())
        data = b""
        with contextlib.suppress(ssl.SSLWantReadError):
            while True:
                data += self.peer.read(READ_BYTES)
        return data


async def secured_connection() -> Secured:
    """Return one; a certificate is made in a thread, as the site does it."""
    authority = Authority()
    await asyncio.to_thread(authority.context, HOST)
    return await asyncio.to_thread(Secured, authority)


@pytest.mark.anyio
async def test_an_answer_goes_on_record_by_record_and_each_has_the_whole_deadline() -> None:
    """No more is encrypted than the system takes; a peer that takes a record is not one that takes nothing."""
    secured = await secured_connection()
    connection = secured.layer.connection
    secured.below.is_narrow = True
    secured.say(GET)
    heard, records = b"", 0
    while connection.state is not State.IDLE:
        assert connection.state is State.BLOCKED
        piece = secured.heard()
        assert len(piece) <= READ_BYTES
        heard, records = heard + piece, records + 1
        assert connection.exchanges.current
        assert connection.exchanges.current.sent_bytes == 0
        connection.since = 0.0
        secured.layer.resume_writing()
        for _round in range(4):
            await asyncio.sleep(0)
        assert connection.since > 0
    assert heard == LARGE
    assert records == -(-len(LARGE) // READ_BYTES)
    (_number, exchange), *others = secured.site.journal.newest_first()
    assert (exchange.sent_bytes, exchange.ended, others) == (len(LARGE), "kept", [])


@pytest.mark.anyio
async def test_a_lost_connection_is_freed_without_the_garbage_collector() -> None:
    """Its objects know each other: where none of them forgot the others, thousands of them would wait to be found."""
    secured = await secured_connection()
    secured.say(GET[:20])
    gc.collect()
    gc.disable()
    try:
        secured.layer.connection_lost(None)
        del secured.layer
        secured.below.protocol = None
        kinds = (Connection, ResponseWriter, TLSProtocol, TLSTransport, Unread)
        left = [type(each).__name__ for each in gc.get_objects() if isinstance(each, kinds)]
    finally:
        gc.enable()
    assert left == []
    assert secured.site.connections == set()
    assert secured.site.budget.tls.used == secured.site.budget.buffers.used == 0
