"""What one of a kind takes in memory, measured in a process of its own: `python -m tests.sites.costs KIND [LOOP]`.

Many are made, and the growth of the process is shared out over them. Kernel memory is not part of it.
"""

import asyncio
import contextlib
import gc
import ssl
import sys
from collections.abc import Callable

from services.runtime.process import memory_kib
from services.sites.connection.connection import Connection
from services.sites.journal import FIN, ConnectionInfo, Exchange
from services.sites.settings import SitesSettings
from services.sites.site import Site
from services.sites.states_and_deadlines import State
from services.sites.tls.authority import Authority
from services.sites.tls.protocol import TLSProtocol
from tests.sites.target import recording_of

COUNT = 400
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + bytes(60_000)


class Taking(asyncio.Transport):
    """A transport whose peer takes nothing: what it is given, it holds, as asyncio's does since Python 3.12."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[memoryview] = []
        self.size = 0
        self.protocol: Connection | TLSProtocol | None = None
        self.takes = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Hold it."""
        if self.takes:
            self.sent.append(memoryview(bytes(data)))
        else:
            self.sent.append(memoryview(data))
            if self.protocol:
                self.protocol.pause_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Keep no buffer."""

    def is_closing(self) -> bool:
        """It stays."""
        return False

    def pause_reading(self) -> None:
        """There is nothing to read."""

    def resume_reading(self) -> None:
        """There is nothing to read."""


def each_kib(make: Callable[[], object]) -> float:
    """Return the memory of one of COUNT."""
    kept = [make() for _ in range(20)]
    gc.collect()
    before = memory_kib()
    kept += [make() for _ in range(COUNT)]
    gc.collect()
    return (memory_kib() - before) / COUNT


def entry_maker() -> Callable[[], object]:
    """Return a function that makes 100 journal entries, each of its own connection."""
    numbers = iter(range(1, 1 << 30))

    def make() -> object:
        visit = ConnectionInfo(
            next(numbers), f"192.0.2.1:{next(numbers)}", secure=False, accepted_s=float(next(numbers))
        )
        head = b"GET /%d HTTP/1.1\r\n\r\n" % next(numbers)
        at = float(next(numbers))
        return Exchange(visit, 1, head, "a.test", "", 200, at, sent_bytes=next(numbers), ended=FIN, ended_s=at + 1)

    return lambda: [make() for _ in range(100)]


def session_maker() -> Callable[[], object]:
    """Return what makes a TLS session whose buffers have been as full as they get, and whose answer is not taken."""
    authority = Authority()
    context = authority.context("keep.test")
    trusting = ssl.create_default_context(cadata=authority.certificate().decode())
    site = Site(SitesSettings(journal_entries=0), {"keep.test": recording_of(PAGE)})  # which has its own memory

    def make() -> object:
        tls, transport = TLSProtocol(site, "keep.test", authority), Taking()
        tls.connection_made(transport)
        transport.protocol = tls
        tls.open_session(context, b"")
        came, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        peer = trusting.wrap_bio(came, sent, server_hostname="keep.test")
        while not tls.established:
            with contextlib.suppress(ssl.SSLWantReadError):
                peer.do_handshake()
            tls.data_received(sent.read())
            came.write(b"".join(transport.sent))
            transport.sent.clear()
        peer.write(b"POST / HTTP/1.1\r\nHost: keep.test\r\nContent-Length: 40000\r\n\r\n" + bytes(40_000))
        tls.data_received(sent.read())
        transport.takes = False
        transport.sent.clear()
        peer.write(b"GET /other HTTP/1.1\r\nHost: keep.test\r\n\r\n")
        tls.data_received(sent.read())
        assert tls.connection.state is State.BLOCKED
        return tls, transport

    return make


def context_maker() -> Callable[[], object]:
    """Return a function that makes the context of a certificate."""
    authority, numbers = Authority(), iter(range(1 << 30))
    authority.context("first.test")
    return lambda: authority.context(f"{next(numbers)}.test")


def blocked_maker() -> Callable[[], object]:
    """Return a function that makes a connection which holds an answer of SHORT_BYTES back."""
    site = Site(SitesSettings(journal_entries=0), {"keep.test": recording_of(PAGE)})  # which has its own memory
    numbers = iter(range(1 << 30))

    def make() -> object:
        connection, transport = Connection(site, "keep.test"), Taking()
        connection.connection_made(transport)
        transport.protocol, transport.takes = connection, False
        connection.data_received(b"GET /%d HTTP/1.1\r\nHost: keep.test\r\n\r\n" % next(numbers))
        assert connection.state is State.BLOCKED
        return connection, transport

    return make


KINDS: dict[str, Callable[[], Callable[[], object]]] = {
    "entry": entry_maker,
    "session": session_maker,
    "context": context_maker,
    "blocked": blocked_maker,
}


if __name__ == "__main__":
    print(each_kib(KINDS[sys.argv[1]]()))
