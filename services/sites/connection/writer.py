"""Performing: what a connection does once it is told what to send, and for how long it may take.

A connection is in one state at a time, and each state has a deadline, which one timer enforces for all (see `doors`).

    HANDSHAKE  until TLS is agreed on            cut off
    IDLE       between two requests              closed quietly
    READING    until a request is whole          408; its body buys it a second for every 1,000 bytes
    PLAYING    a script's own pauses             none: a pause is an hour at most
    BLOCKED    until the peer takes what we sent cut off
    SILENT     a fault that says nothing         cut off, after an hour unless told otherwise
    RESETTING  until the peer has every byte     reset all the same
    LINGER     after our end of the stream       cut off; closing at once could destroy what the peer has yet to read

The write buffer's high-water mark is 0: a write that the system does not take whole calls `pause_writing` from within,
so that after each write it is known whether every byte is with the system. That is what makes the journal exact.
"""

import asyncio
import contextlib
import fcntl
import logging
import math
import socket
import struct
import termios
from collections.abc import Callable
from time import monotonic
from typing import cast

from services.runtime.serving.listen import UNSENT_BYTES
from services.sites import journal
from services.sites.faults.script import Bytes, Ending, Pause, Script
from services.sites.journal import ConnectionInfo, Exchange
from services.sites.site import Site, State, Tally

BURST_BYTES = 512 * 1024  # what one connection may write before others get their turn
BLOCKED_BYTES = UNSENT_BYTES + 8 * 1024  # what the system has of an answer that a peer does not take
ACKNOWLEDGED_EVERY_S = 0.001
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
NO_BOUND = 0x7FFFFFFF
BYTES = (bytes, memoryview)

log = logging.getLogger(__name__)

IDLE, READING, BLOCKED = State.IDLE, State.READING, State.BLOCKED


class ResponseWriter(asyncio.Protocol):
    """The half of a connection that sends. `keep` and `last`: what the request says of the connection's future.

    `unread_bytes` and `unsent_bytes`: what it has of the site's budget, for what the peer sent, and does not take.
    """

    __slots__ = (
        "blocked_bytes",
        "due",
        "exchange",
        "held",
        "journaled",
        "keep",
        "last",
        "peer_ended",
        "put",
        "script",
        "since",
        "site",
        "state",
        "tally",
        "timer",
        "transport",
        "unread_bytes",
        "unsent_bytes",
        "visit",
        "why",
    )
    secure = False
    put: Callable[[Bytes], None]

    def __init__(self, site: Site) -> None:
        self.site = site
        self.state = IDLE
        self.exchange: Exchange | None = None
        self.tally: Tally = site.nobody
        self.script: Script | None = None
        self.timer: asyncio.Handle | None = None
        self.keep = self.last = self.held = self.journaled = self.peer_ended = False
        self.blocked_bytes = self.unread_bytes = self.unsent_bytes = 0
        self.due = 0.0
        self.why = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who is there."""
        site = self.site
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=0)
        self.put = self.transport.write
        site.accepted += 1
        site.connections.add(self)
        self.since = monotonic()
        self.visit = ConnectionInfo(site.accepted, peer_of(transport), self.secure, self.since)

    def connection_lost(self, exc: Exception | None) -> None:
        """Complete the journal, and forget the connection."""
        self.site.connections.discard(self)
        if self.timer:
            self.timer.cancel()
        self.script = None
        if self.unread_bytes or self.unsent_bytes:
            self.site.budget.buffers.release(self.unread_bytes + self.unsent_bytes)
            self.unread_bytes = self.unsent_bytes = 0
        self.why = self.why or ended_by(exc)
        self.complete(self.why)

    def ready(self) -> None:
        """Go on after an answer that took its time: requests may have come meanwhile."""
        raise NotImplementedError

    def pause_writing(self) -> None:
        """Note that the system has not taken all of the last write."""
        if self.state is IDLE or self.state is State.PLAYING:
            self.state, self.since = BLOCKED, monotonic()
            if not self.unsent_bytes:
                buffers = self.site.budget.buffers
                if buffers.left < BLOCKED_BYTES:
                    self.send_little()
                elif buffers.reserve(BLOCKED_BYTES):
                    self.unsent_bytes = BLOCKED_BYTES

    def is_blocked(self) -> bool:
        """Return whether the system has not taken all of the last write."""
        return self.state is BLOCKED

    def send_whole(self, size: int) -> None:
        """Let the system take `size` bytes, however few of them the peer does, if there is memory for that."""
        connected = self.transport.get_extra_info("socket")
        buffers = self.site.budget.buffers
        if connected is not None and size <= buffers.left and buffers.reserve(size):
            self.unsent_bytes += size
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NO_BOUND)

    def send_little(self) -> None:
        """Let the system hold as little as it can of answers that the peer does not take; it still gets all of them."""
        connected = self.transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)

    def resume_writing(self) -> None:
        """Go on once the loop is through with this write: asyncio does not bear a transport closed from in here."""
        self.timer = asyncio.get_running_loop().call_soon(self.unblocked)

    def enter(self, exchange: Exchange) -> None:
        """Put an exchange that has begun into the journal."""
        self.journaled = True
        self.exchange = exchange
        self.site.journal.add(exchange)

    def complete(self, ended: str) -> None:
        """Note how the exchange ended."""
        exchange = self.exchange
        if exchange:
            exchange.ended, exchange.ended_s = ended, monotonic()
            self.tally[exchange.fault, ended] += 1
            self.exchange = None

    def perform(self, script: Script) -> None:
        """Perform a script, from its first step on."""
        self.script = script
        self.state = State.PLAYING
        self.due = 0.0
        self.proceed()

    def proceed(self) -> None:
        """Perform steps until one has to wait."""
        script, exchange = self.script, self.exchange
        if script is None or exchange is None:
            return
        left = BURST_BYTES
        try:
            for step in script:
                if isinstance(step, BYTES):
                    if not self.transport.is_closing():  # else the peer has left: no system takes any more
                        self.put(step)
                        if self.state is BLOCKED:
                            self.blocked_bytes = len(step)
                            return
                        exchange.sent_bytes += len(step)
                    left -= len(step)
                    if left <= 0:
                        self.timer = asyncio.get_running_loop().call_soon(self.go_on)
                        return
                elif isinstance(step, Pause):
                    self.wait(step)
                    return
                else:
                    self.end(step)
                    return
        except Exception:
            # Let through, it would leave the peer waiting (from a timer), or be called the peer's (from the transport).
            log.exception("%s: the site broke off its answer", exchange.fault or "no fault")
            self.leave(journal.SITE_ERROR)

    def wait(self, pause: Pause) -> None:
        """Wait, counted from when the last pause was due, so that many small ones do not add up to more."""
        now = monotonic()
        self.due = (self.due or now) + pause.seconds
        self.timer = asyncio.get_running_loop().call_later(whole_ms(self.due - now), self.pause_over)

    def pause_over(self) -> None:
        """Go on, and note how late; a timer that rang early is wound again."""
        late_s = monotonic() - self.due
        if late_s < 0:
            self.timer = asyncio.get_running_loop().call_later(whole_ms(-late_s), self.pause_over)
            return
        self.site.lateness.observe(late_s)
        self.go_on()

    def unblocked(self) -> None:
        """Go on after the peer has taken everything."""
        if self.state is not BLOCKED or self.exchange is None:
            return
        self.exchange.sent_bytes += self.blocked_bytes
        self.blocked_bytes = 0
        self.due = 0.0
        self.state = State.PLAYING
        self.go_on()

    def go_on(self) -> None:
        """Perform what is left, and then answer what has come meanwhile."""
        self.proceed()
        if self.state is IDLE:
            self.ready()

    def end(self, ending: Ending) -> None:
        """Do what a script ends with."""
        self.script = None
        if ending is Ending.KEEP and self.keep and not self.site.draining:
            self.complete(journal.KEPT)
            self.state, self.since = IDLE, monotonic()
            if self.unsent_bytes:
                self.site.budget.buffers.release(self.unsent_bytes)
                self.unsent_bytes = 0
        elif ending is Ending.SILENCE:
            self.state, self.since = State.SILENT, monotonic()
            self.drop_unread()
            if self.peer_ended:
                self.transport.close()
        elif ending is Ending.RESET:
            self.state, self.since = State.RESETTING, monotonic()
            self.reset_when_acknowledged()
        else:
            self.complete(journal.FIN)
            self.linger(politely=ending is not Ending.CUT)

    def linger(self, *, politely: bool = True) -> None:
        """End our side of the stream; the peer ends the other, unless it has said that nothing more will come."""
        self.state, self.since = State.LINGER, monotonic()
        self.why = journal.FIN
        if self.held or self.unread_bytes:
            self.drop_unread()
        if self.transport.is_closing():
            return
        if self.peer_ended or (self.last and politely):
            self.hang_up(politely=politely)
        else:
            self.end_stream(politely=politely)

    def hang_up(self, *, politely: bool) -> None:
        """End the stream both ways. `politely` matters over TLS alone."""
        self.transport.close()

    def hold_back(self) -> None:
        """Let what the peer sends wait in its own system."""
        if not self.held:
            self.held = True
            self.transport.pause_reading()

    def let_in(self) -> None:
        """Take what the peer sends again."""
        if self.held and not self.transport.is_closing():
            self.held = False
            self.transport.resume_reading()

    def drop_unread(self) -> None:
        """Forget what the peer has sent and is not to be answered; go on reading, so that its leaving is noticed."""
        if self.unread_bytes:
            self.charge_unread(0)
        self.let_in()

    def charge_unread(self, size: int) -> bool:
        """Have the site's budget for so many bytes that the peer sent; return False, and have none, if it is spent."""
        more = size - self.unread_bytes
        buffers = self.site.budget.buffers
        if more > 0 and not buffers.reserve(more):
            buffers.release(self.unread_bytes)
            self.unread_bytes = 0
            return False
        if more < 0:
            buffers.release(-more)
        self.unread_bytes = size
        return True

    def end_stream(self, *, politely: bool) -> None:
        """Send FIN, unless the peer has reset the connection: the loop tells of that. `politely` is for TLS alone."""
        with contextlib.suppress(OSError):
            self.transport.write_eof()

    def reset_when_acknowledged(self) -> None:
        """Reset, once the peer's system has every byte (or a deadline says so): a RST overtakes what is unsent."""
        connected = self.transport.get_extra_info("socket")
        expired = monotonic() - self.since > self.site.settings.write_timeout_s
        if not expired and unacknowledged_bytes(connected):
            loop = asyncio.get_running_loop()
            self.timer = loop.call_later(ACKNOWLEDGED_EVERY_S, self.reset_when_acknowledged)
            return
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.complete(journal.RST)
        self.leave(journal.RST)

    def expire(self) -> None:
        """Act on a deadline that has passed."""
        self.leave(self.why or journal.TIMED_OUT)

    def drain(self) -> None:
        """End the connection, unless an answer is on its way."""
        if self.state in {State.IDLE, State.READING, State.SILENT, State.HANDSHAKE}:
            self.leave(journal.STOPPED)

    def leave(self, why: str) -> None:
        """Drop the connection; what is written and not taken is lost."""
        self.why = why
        self.transport.abort()


def ended_by(error: Exception | None) -> str:
    """Return how a connection ended that is lost: by the peer, or by what the loop caught of ours."""
    if error is None:
        return journal.PEER_FIN
    return journal.PEER_RST if isinstance(error, OSError) else journal.SITE_ERROR


def peer_of(transport: asyncio.BaseTransport) -> str:
    """Return the peer's address and port."""
    name = transport.get_extra_info("peername")
    return f"{name[0]}:{name[1]}" if name else ""


def unacknowledged_bytes(connected: socket.socket) -> int:
    """Return how many sent bytes the peer's system has yet to acknowledge (SIOCOUTQ, in tcp(7))."""
    count: int = struct.unpack("i", fcntl.ioctl(connected.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
    return count


def whole_ms(seconds: float) -> float:
    """Return seconds, rounded up to what every loop's timers can count: uvloop rounds down, and would ring early."""
    return math.ceil(seconds * 1000) / 1000
