"""The gate in front of an aiohttp application: a bound for the memory of all its peers, and deadlines for each.

aiohttp bounds what one peer may send. It has no bound for how many peers there are, none for the sum, and waits for the
rest of a head for ever. So a gate stands between each connection and aiohttp's own protocol: it has the connection's
bytes from a pool, hands on one request at a time, and knows since when the peer owes something.

A connection is in one state at a time, and each has its deadline, which `sweep` enforces:

    no request has begun       IDLE_S
    a head is not whole        HEAD_S
    a body goes on coming      BODY_S after the last byte
    the answer is being made   the application's own
    the peer takes nothing     WRITE_S
"""

import asyncio
import re
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import cast

from aiohttp import web

from services.runtime.serving.deadlines import GRACE_S, SHORT_PATIENCE_S, SWEEP_S
from services.runtime.serving.memory_pool import Pool, Share

KIB = 1024
PROCESS_BYTES = 48 * KIB * KIB  # the program with its libraries
CONNECTION_BYTES = 32 * KIB  # one that is open: aiohttp's objects, a request's, and FREE_BYTES of it
FREE_BYTES = 4 * KIB
MAX_BODY_BYTES = 1024 * KIB  # aiohttp's own limit: an application that allows more has to be charged for it
HEAD_COPIES = 3  # a head that is not whole, as aiohttp's parser holds it, and what the allocator cannot give back
BODY_COPIES = 4  # a body as it comes, whole, and as what it says
LINGER_BYTES = 64 * KIB  # of a body that goes on after the last answer; to read more of it would be work for nothing
MAX_HEAD_BYTES = 32 * KIB
SPARE_CONNECTIONS = 64  # for this machine's own probe, whatever others do
IDLE_S, HEAD_S, BODY_S, WRITE_S = 75.0, 10.0, 30.0, 30.0
TURNS, TURN_S = 5, 0.005  # a thousand requests a second, of those that were sent ahead

HEAD_END = re.compile(rb"\n\r?\n")
BLANK = re.compile(rb"[\r\n]*")

CODED = "a request body is taken as it is: send it without Content-Encoding\n"

POOL = web.AppKey("POOL", Pool)

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Gates:
    """All connections of an application, and the pool that they share."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.open: dict[asyncio.BaseProtocol, Gate] = {}  # by aiohttp's protocol
        self.spare = SPARE_CONNECTIONS
        self.waiting: deque[Gate] = deque()  # those with more requests behind one that is answered
        self.turn: asyncio.TimerHandle | None = None

    def noting(self, handler: Handler) -> Handler:
        """Return a handler of requests that tells each connection's gate when one begins and ends."""

        async def noted(request: web.BaseRequest) -> web.StreamResponse:
            gate = self.open.get(request.protocol)
            if gate is None:  # it has gone meanwhile
                return await handler(request)
            if refusal := gate.refusal(request):
                return refusal
            try:
                response = await handler(request)
                if gate.body_left is None:
                    response.force_close()
            except web.HTTPException as error:
                if gate.body_left is None:
                    error.force_close()
                raise
            finally:
                gate.ended()
            return response

        return noted

    def queue(self, gate: "Gate") -> None:
        """Let a connection go on with the requests that it sent ahead of their answers, when its turn comes.

        Few turns are given at a time: else peers that send thousands ahead would leave no time for those that ask once.
        """
        self.waiting.append(gate)
        if self.turn is None:
            self.turn = asyncio.get_running_loop().call_later(0, self.give_turns)

    def give_turns(self) -> None:
        """Let some of those that wait go on."""
        self.turn = None
        for gate in [self.waiting.popleft() for _ in range(min(TURNS, len(self.waiting)))]:
            gate.hand_on()
        self.turn = asyncio.get_running_loop().call_later(TURN_S, self.rest_of_turns)

    def rest_of_turns(self) -> None:
        """Go on where any wait; else wait for the next that is queued."""
        self.turn = None
        if self.waiting:
            self.give_turns()

    def make_room(self) -> None:
        """End the oldest connection whose head is not whole although it has had its time: a new one may be quicker."""
        since = monotonic() - GRACE_S
        slow = (gate for gate in self.open.values() if gate.share.size and gate.head_bytes and not gate.busy)
        if slowest := next((gate for gate in slow if gate.since < since), None):
            slowest.share.give_back()
            slowest.transport.abort()

    async def sweep_for_ever(self) -> None:
        """Enforce the deadlines."""
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep(monotonic())

    def sweep(self, now: float) -> None:
        """End every connection whose peer owes something for too long."""
        short = self.pool.is_short
        for gate in [gate for gate in self.open.values() if gate.is_late(now, short=short)]:
            gate.transport.abort()


class Gate(asyncio.Protocol):
    """One connection. `inner`: aiohttp's protocol, which gets one request at a time.

    `body_left`: how many bytes of the request's body have yet to come; None: the connection ends with this request.
    `rest_bytes`: how many more bytes aiohttp gets of that last request; they are few, once it is answered.
    """

    __slots__ = (
        "blocked",
        "body_bytes",
        "body_left",
        "busy",
        "free_bytes",
        "gates",
        "head_bytes",
        "held",
        "inner",
        "let_in",
        "paused",
        "request",
        "rest_bytes",
        "share",
        "since",
        "tail",
        "transport",
    )

    def __init__(self, gates: Gates, inner: asyncio.Protocol) -> None:
        self.gates, self.inner = gates, inner
        self.held = bytearray()  # what has come and is not for aiohttp yet
        self.tail = b""  # the last bytes of a head that aiohttp has: its end may be cut
        self.body_left: int | None = 0
        self.rest_bytes = sys.maxsize
        self.request: web.BaseRequest | None = None
        self.share = Share(gates.pool)
        self.head_bytes = self.body_bytes = 0
        self.free_bytes = FREE_BYTES - CONNECTION_BYTES
        self.busy = self.blocked = self.paused = self.let_in = False
        self.since = monotonic()

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the connection in, if there is memory for it."""
        self.transport = cast("asyncio.Transport", transport)
        gates = self.gates
        if gates.pool.left < CONNECTION_BYTES:
            gates.make_room()
        if not self.share.resize(CONNECTION_BYTES):
            if not (is_local(transport) and gates.spare):
                self.transport.abort()
                return
            gates.spare -= 1
            self.free_bytes = FREE_BYTES
        self.let_in = True
        gates.open[self.inner] = self
        self.inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what it had."""
        if not self.let_in:
            return
        gates = self.gates
        del gates.open[self.inner]
        gates.spare += self.free_bytes == FREE_BYTES
        self.share.give_back()
        self.inner.connection_lost(exc)

    def eof_received(self) -> bool | None:
        """Tell aiohttp."""
        return self.inner.eof_received() if self.let_in else None

    def pause_writing(self) -> None:
        """Note since when the peer takes nothing."""
        self.blocked, self.since = True, monotonic()
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        """Note that the peer has taken something."""
        self.blocked, self.since = False, monotonic()
        self.inner.resume_writing()

    # What the peer sends

    def data_received(self, data: bytes) -> None:
        """Hand on what belongs to the request that has its turn; keep the rest."""
        if not self.let_in:
            return
        if self.body_left != 0:
            self.since = monotonic()
        self.held += data
        self.hand_on()

    def hand_on(self) -> None:
        """Hand on what is held, up to the end of one request, and charge for what is left."""
        held = self.held
        while held and not self.transport.is_closing() and (size := self.next_bytes()):
            data = bytes(held[:size])
            del held[:size]
            self.inner.data_received(data)
        self.weigh()

    def next_bytes(self) -> int:
        """Return how much of what is held is for aiohttp now. What goes on after the last answer is dropped."""
        if self.body_left is None:
            size = min(len(self.held), self.rest_bytes)
            del self.held[size:]
            self.rest_bytes -= size
            return size
        if self.body_left:
            size = min(len(self.held), self.body_left)
            self.body_left -= size
            return size
        return 0 if self.busy else self.next_of_head()

    def next_of_head(self) -> int:
        """Return how much of what is held belongs to the head; the request has its turn once that is whole."""
        held = self.held
        if not self.head_bytes:  # RFC 9112, section 2.2: empty lines before a request line are ignored
            del held[: cast("re.Match[bytes]", BLANK.match(held)).end()]
            if held:  # empty lines buy no time
                self.since = monotonic()
        window = self.tail + held
        end = HEAD_END.search(window)
        size = end.end() - len(self.tail) if end else len(held)
        self.head_bytes += size
        self.busy, self.tail = end is not None, b"" if end else window[-2:]
        return size

    def weigh(self) -> None:
        """Read no more while something waits behind a request, and charge for what is more than free."""
        if self.transport.is_closing():
            return
        if self.held:
            self.paused = True
            self.transport.pause_reading()  # again, if aiohttp has undone it
        elif self.paused:
            self.paused = False
            self.transport.resume_reading()
        if self.head_bytes > MAX_HEAD_BYTES or not self.charge_all():
            self.transport.abort()

    def charge_all(self) -> bool:
        """Have of the pool what the connection takes now; return False where there is not so much."""
        more_bytes = len(self.held) + HEAD_COPIES * self.head_bytes + self.body_bytes - self.free_bytes
        return self.share.resize(max(more_bytes, FREE_BYTES - self.free_bytes))

    # The request

    def begun(self, request: web.BaseRequest) -> bool:
        """Note that a request is being answered; return False where there is no memory for its body."""
        self.busy, self.head_bytes = True, 0
        self.since = monotonic()
        if not request.body_exists:
            return True
        length = request.content_length
        self.body_left, self.request = length, request
        self.body_bytes = BODY_COPIES * (MAX_BODY_BYTES if length is None else min(length, MAX_BODY_BYTES))
        if not self.charge_all():
            self.body_bytes = 0
            return False
        asyncio.get_running_loop().call_soon(self.hand_on)
        return True

    def refusal(self, request: web.BaseRequest) -> web.Response | None:
        """Return the answer to a request that the application is not to see; the connection ends with it."""
        if is_coded(request):
            answer = web.Response(status=415, headers={"Accept-Encoding": "identity"}, text=CODED)
        elif not self.begun(request):
            answer = web.Response(status=503, text="no memory left for this request: ask again later\n")
        else:
            return None
        answer.force_close()
        self.last_word()
        return answer

    def last_word(self) -> None:
        """Note that the connection ends with the answer of now, whatever goes on coming."""
        self.busy, self.head_bytes = True, 0
        self.body_left, self.rest_bytes = None, LINGER_BYTES
        asyncio.get_running_loop().call_soon(self.hand_on)

    def ended(self) -> None:
        """Note that a request is answered, and go on with what came meanwhile."""
        if self.body_left is None:
            self.rest_bytes = LINGER_BYTES
        self.busy, self.body_bytes, self.request = False, 0, None
        self.since = monotonic()
        if self.held:
            self.gates.queue(self)
        elif not self.transport.is_closing():
            self.charge_all()

    def is_late(self, now: float, *, short: bool) -> bool:
        """Return whether the peer has owed something for too long; `short`: others wait for its place."""
        if self.blocked:
            most_s = WRITE_S
        elif self.request and not self.request.content.is_eof():
            most_s = BODY_S
        elif self.head_bytes:
            most_s = SHORT_PATIENCE_S if short else HEAD_S
        elif self.busy:
            return False
        else:
            most_s = SHORT_PATIENCE_S if short else IDLE_S
        return now - self.since > most_s


def is_coded(request: web.BaseRequest) -> bool:
    """Return whether a request has a body that says to be compressed: a little of it may become very much."""
    codings = ",".join(request.headers.getall("Content-Encoding", [])).lower().split(",")
    return request.body_exists and any(coding.strip() not in {"", "identity"} for coding in codings)


def is_local(transport: asyncio.BaseTransport) -> bool:
    """Return whether the peer is on this machine."""
    name = transport.get_extra_info("peername")
    return bool(name) and str(name[0]).startswith(("127.", "::1"))


def usual_pool(memory_bytes: int) -> Pool:
    """Return a pool for an application that has a process to itself."""
    return Pool("connections", (memory_bytes - PROCESS_BYTES) // 4 * 3)
