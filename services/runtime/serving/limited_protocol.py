"""Limits for the connections of an aiohttp application: memory for all of them together, and time for each.

aiohttp limits what one peer may send. It does not limit the number of peers nor the sum of their bytes, and waits for
the rest of a head without end. So a LimitedProtocol stands between each transport and aiohttp's own protocol. It
reserves memory for the connection's bytes, passes on one request at a time, and knows since when the connection has
been in its state. The limits are in `connection_limits` and `deadlines`.
"""

import asyncio
import re
import sys
from time import monotonic
from typing import cast

from aiohttp import web

from services.runtime.serving.connection_limits import (
    BODY_COPIES,
    CONNECTION_BYTES,
    FREE_BYTES,
    HEAD_COPIES,
    LINGER_BYTES,
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    SPARE_CONNECTIONS,
)
from services.runtime.serving.deadlines import ANSWER, BODY, GRACE_S, HEAD, IDLE, SWEEP_S, WRITE, TimeLimit
from services.runtime.serving.loop_lag import LoopLag
from services.runtime.serving.memory_pool import MemoryPool, Share
from services.runtime.serving.pipelining import PipelineQueue

HEAD_END = re.compile(rb"\n\r?\n")
EMPTY_LINES = re.compile(rb"[\r\n]*")
FREE_HEAD_BYTES = FREE_BYTES // HEAD_COPIES  # a head that costs no memory of the pool


class LimitedConnections:
    """All connections of an application, and the memory pool that they share.

    `open`: by aiohttp's protocol; `spare`: how many more from this machine are accepted without memory of the pool.
    `lag`: is told how long each pause between two sweeps was.
    """

    def __init__(self, pool: MemoryPool, lag: LoopLag | None = None) -> None:
        self.pool = pool
        self.lag = lag or LoopLag()
        self.open: dict[asyncio.BaseProtocol, LimitedProtocol] = {}
        self.spare = SPARE_CONNECTIONS
        self.pipelined = PipelineQueue()

    def make_room(self) -> None:
        """Abort the oldest connection with an incomplete head, if its grace is over: a new one may be quicker."""
        since = monotonic() - GRACE_S
        slow = (each for each in self.open.values() if each.share.size and each.head_bytes and not each.is_busy)
        if slowest := next((each for each in slow if each.since < since), None):
            slowest.share.release()
            slowest.transport.abort()

    def sweep(self, now: float) -> None:
        """Abort every connection that has been in its state for too long."""
        short = self.pool.is_short
        for late in [each for each in self.open.values() if each.is_late(now, short=short)]:
            late.transport.abort()

    async def sweep_for_ever(self) -> None:
        """Call `sweep` every SWEEP_S."""
        while True:
            began = monotonic()
            await asyncio.sleep(SWEEP_S)
            now = monotonic()
            self.lag.note(now - began - SWEEP_S)
            self.sweep(now)


class LimitedProtocol(asyncio.Protocol):
    """One connection. `inner`: aiohttp's protocol, which gets one request at a time.

    `held`: the bytes that aiohttp does not get yet. `body_left`: how many bytes of the request's body are still to
    come; None: the connection ends with this request, and aiohttp gets at most `rest_bytes` more of it.
    """

    __slots__ = (
        "body_bytes",
        "body_left",
        "connections",
        "free_bytes",
        "head_bytes",
        "head_tail",
        "held",
        "inner",
        "is_accepted",
        "is_blocked",
        "is_busy",
        "is_paused",
        "request",
        "rest_bytes",
        "share",
        "since",
        "transport",
    )

    def __init__(self, connections: LimitedConnections, inner: asyncio.Protocol) -> None:
        self.connections, self.inner = connections, inner
        self.held = bytearray()
        self.head_tail = b""  # the last bytes of a head that aiohttp has: an empty line may be cut in two
        self.body_left: int | None = 0
        self.rest_bytes = sys.maxsize
        self.request: web.BaseRequest | None = None
        self.share = Share(connections.pool)
        self.head_bytes = self.body_bytes = 0
        self.free_bytes = FREE_BYTES - CONNECTION_BYTES
        self.is_busy = self.is_blocked = self.is_paused = self.is_accepted = False
        self.since = monotonic()

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, if there is memory for it; abort it else."""
        self.transport = cast("asyncio.Transport", transport)
        connections = self.connections
        if connections.pool.left < CONNECTION_BYTES:
            connections.make_room()
        if not self.share.resize(CONNECTION_BYTES):
            if not (is_local(transport) and connections.spare):
                self.transport.abort()
                return
            connections.spare -= 1
            self.free_bytes = FREE_BYTES
        self.is_accepted = True
        connections.open[self.inner] = self
        self.inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the connection's memory."""
        if not self.is_accepted:
            return
        connections = self.connections
        del connections.open[self.inner]
        connections.spare += self.free_bytes == FREE_BYTES
        self.share.release()
        self.inner.connection_lost(exc)

    def eof_received(self) -> bool | None:
        return self.inner.eof_received() if self.is_accepted else None

    def pause_writing(self) -> None:
        """Begin the state WRITE."""
        self.is_blocked, self.since = True, monotonic()
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        """End the state WRITE."""
        self.is_blocked, self.since = False, monotonic()
        self.inner.resume_writing()

    @property
    def time_limit(self) -> TimeLimit:
        """The time limit of the state that the connection is in."""
        if self.is_blocked:
            return WRITE
        if self.request and not self.request.content.is_eof():
            return BODY
        if self.head_bytes:
            return HEAD
        return ANSWER if self.is_busy else IDLE

    def is_late(self, now: float, *, short: bool) -> bool:
        """Return whether the connection has been in its state for too long; `short`: the pool is short of memory."""
        usual_s, short_s = self.time_limit
        return now - self.since > (short_s if short else usual_s)

    # What the peer sends

    def data_received(self, data: bytes) -> None:
        """Pass on what belongs to the request of now; hold the rest."""
        if not self.is_accepted:
            return
        if self.is_idle and is_small_head(data):
            self.since = monotonic()
            self.is_busy, self.head_bytes = True, len(data)
            self.inner.data_received(data)
            return
        if self.body_left != 0:
            self.since = monotonic()
        self.held += data
        self.pass_on()

    @property
    def is_idle(self) -> bool:
        """Whether no request has begun, and none is held: the next bytes are the first of a head."""
        return not (self.is_busy or self.head_bytes or self.held or self.is_paused) and self.body_left == 0

    def pass_on(self) -> None:
        """Pass on what is held, up to the end of one request, and charge for what is left."""
        held = self.held
        while held and not self.transport.is_closing() and (size := self.next_bytes()):
            data = bytes(held[:size])
            del held[:size]
            self.inner.data_received(data)
        self.apply_limits()

    def next_bytes(self) -> int:
        """Return how many of the bytes held are for aiohttp now. What follows the last request is dropped."""
        if self.body_left is None:
            size = min(len(self.held), self.rest_bytes)
            del self.held[size:]
            self.rest_bytes -= size
            return size
        if self.body_left:
            size = min(len(self.held), self.body_left)
            self.body_left -= size
            return size
        return 0 if self.is_busy else self.next_head_bytes()

    def next_head_bytes(self) -> int:
        """Return how many of the bytes held belong to the head; the connection is busy once the head is complete."""
        held = self.held
        if not self.head_bytes:  # RFC 9112, section 2.2: empty lines before a request line are ignored
            del held[: cast("re.Match[bytes]", EMPTY_LINES.match(held)).end()]
            if held:  # empty lines do not begin the time of a head
                self.since = monotonic()
        window = self.head_tail + held
        end = HEAD_END.search(window)
        size = end.end() - len(self.head_tail) if end else len(held)
        self.head_bytes += size
        self.is_busy, self.head_tail = end is not None, b"" if end else window[-2:]
        return size

    def apply_limits(self) -> None:
        """Stop reading while bytes are held; charge for all bytes of now; abort a connection over its limits."""
        if self.transport.is_closing():
            return
        if self.held:
            self.is_paused = True
            self.transport.pause_reading()  # aiohttp may have resumed it
        elif self.is_paused:
            self.is_paused = False
            self.transport.resume_reading()
        if self.head_bytes > MAX_HEAD_BYTES or not self.charge():
            self.transport.abort()

    # Memory

    def charge(self) -> bool:
        """Reserve the memory that the connection needs now; return False where the pool has less."""
        more_bytes = len(self.held) + HEAD_COPIES * self.head_bytes + self.body_bytes - self.free_bytes
        return self.share.resize(max(more_bytes, FREE_BYTES - self.free_bytes))

    # The request, as `limited_handler` tells of it

    def begin_request(self) -> None:
        """Begin the answer to a request."""
        self.is_busy, self.head_bytes = True, 0
        self.since = monotonic()

    def begin_body(self, request: web.BaseRequest) -> bool:
        """Expect the body of the request of now; return False where there is no memory for it."""
        length = request.content_length
        self.body_left, self.request = length, request
        self.body_bytes = BODY_COPIES * (MAX_BODY_BYTES if length is None else min(length, MAX_BODY_BYTES))
        if not self.charge():
            self.body_bytes = 0
            return False
        asyncio.get_running_loop().call_soon(self.pass_on)
        return True

    def end_after_answer(self) -> None:
        """Let the connection end with the answer of now; of what the peer still sends, LINGER_BYTES are read."""
        self.is_busy, self.head_bytes = True, 0
        self.body_left, self.rest_bytes = None, LINGER_BYTES
        asyncio.get_running_loop().call_soon(self.pass_on)

    def end_request(self) -> None:
        """End the answer to a request, and go on with the bytes held."""
        if self.body_left is None:
            self.rest_bytes = LINGER_BYTES
        self.is_busy, self.body_bytes, self.request = False, 0, None
        self.since = monotonic()
        if self.held:
            self.connections.pipelined.add(self.pass_on)
        elif self.share.size > FREE_BYTES - self.free_bytes and not self.transport.is_closing():
            self.charge()


def is_small_head(data: bytes) -> bool:
    """Return whether this is one whole head and nothing else, so small that no memory is reserved for it.

    Nearly every request comes so: then there is nothing to hold, and nothing to charge for. A head whose lines end with
    LF alone is right, too, but rare.
    """
    size = len(data)
    return (
        size <= FREE_HEAD_BYTES
        and 0 < data.find(b"\n\r\n") == size - 3  # -1 where there is none, as in the first two bytes of a head
        and data[0] not in b"\r\n"
        and b"\n\n" not in data
    )


def is_local(transport: asyncio.BaseTransport) -> bool:
    """Return whether the peer is on this machine."""
    name = transport.get_extra_info("peername")
    return bool(name) and str(name[0]).startswith(("127.", "::1"))
