"""One connection: what it waits for, and the script that it performs.

A raw protocol and not a web framework, since a framework rewrites heads. A connection is in one state at a time, and
each state has a deadline, which one timer enforces for all (see `doors`).

    HANDSHAKE  until TLS is agreed on            cut off
    IDLE       between two requests              closed quietly
    READING    until a request is whole          408
    PLAYING    a script's own pauses             none: a pause is an hour at most
    BLOCKED    until the peer takes what we sent cut off
    SILENT     a fault that says nothing         cut off, after an hour unless told otherwise
    RESETTING  until the peer has every byte     reset all the same
    LINGER     after our end of the stream       cut off; closing at once could destroy what the peer has yet to read

The write buffer's high-water mark is 0: a write that the system does not take whole calls `pause_writing` from within,
so that after each write it is known whether every byte is with the system. That is what makes the journal exact.
"""

import asyncio
import fcntl
import math
import socket
import struct
import termios
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from time import monotonic
from typing import cast

from services.sites import journal
from services.sites.faults.force import Decisions, PlanInForce, Strike
from services.sites.faults.kinds import Stage
from services.sites.faults.script import PIECE_BYTES, Ending, Pause, Response, Script, pieces
from services.sites.journal import TRIM_EVERY, Answered, Exchange, Visit
from services.sites.request import Refused, Request, RequestReader
from services.sites.site import Host, Site, Tally

MAX_AHEAD_BYTES = 64 * 1024  # what may wait while an answer is on its way
MAX_KNOWN = 4096
MAX_KNOWN_HEAD_BYTES = 1024
BURST_BYTES = 512 * 1024  # what one connection may write before others get their turn
ACKNOWLEDGED_EVERY_S = 0.001
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class State(Enum):
    """What a connection waits for."""

    HANDSHAKE = auto()
    IDLE = auto()
    READING = auto()
    PLAYING = auto()
    BLOCKED = auto()
    SILENT = auto()
    RESETTING = auto()
    LINGER = auto()


IDLE, READING, BLOCKED = State.IDLE, State.READING, State.BLOCKED


@dataclass(frozen=True, slots=True)
class Known:
    """A request that came before, byte for byte, and all that follows from it."""

    host: Host
    wire: bytes
    keep: bool
    last: bool
    answered: Answered


class Connection(asyncio.Protocol):
    """One connection to a site. `own`: the host whose port this is, None for a port of several."""

    __slots__ = (
        "blocked_bytes",
        "decisions",
        "due",
        "exchange",
        "exchanges",
        "held",
        "journaled",
        "keep",
        "last",
        "own",
        "paused",
        "peer_ended",
        "put",
        "reader",
        "script",
        "since",
        "site",
        "state",
        "tally",
        "timer",
        "transport",
        "visit",
        "why",
    )
    secure = False
    put: Callable[[bytes], None]

    def __init__(self, site: Site, own: str | None) -> None:
        self.site, self.own = site, own
        self.state = IDLE
        self.exchanges = 0
        self.exchange: Exchange | None = None
        self.tally: Tally = site.nobody
        self.reader: RequestReader | None = None
        self.script: Script | None = None
        self.timer: asyncio.Handle | None = None
        self.decisions: Decisions = {}
        self.keep = self.last = self.paused = self.held = self.journaled = self.peer_ended = False
        self.blocked_bytes = 0
        self.due = 0.0
        self.why = ""

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request, or for nothing where a fault says so."""
        site = self.site
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=0)
        self.put = self.transport.write
        site.accepted += 1
        site.connections.add(self)
        self.since = monotonic()
        self.visit = Visit(site.accepted, peer_of(transport), self.secure, self.since)
        if len(site.connections) > site.settings.max_connections:
            site.turned_away += 1
            self.leave(journal.STOPPED)
        elif self.own and (host := site.hosts.get(self.own)) and host.plan:
            self.receive(host, host.plan)

    def receive(self, host: Host, plan: PlanInForce) -> None:
        """Let the plan strike a connection that has said nothing yet."""
        if strike := plan.strike(Stage.ACCEPT, self.since):
            self.begin(host, strike, head=b"")
            self.perform(strike.script(host.recording.response(), ""))

    def data_received(self, data: bytes) -> None:
        """Take what the peer sent. A request that came before, byte for byte, needs no reading."""
        if self.state is IDLE:
            known = self.site.known.get(data)
            if known is not None and known.host.plan is None:
                self.answer_known(known)
                return
        self.take(data)

    def eof_received(self) -> bool:
        """Stay open for answers that are still owed to a peer which has only ended its own side."""
        self.peer_ended = True
        return self.state in {State.PLAYING, State.BLOCKED, State.RESETTING}

    def pause_writing(self) -> None:
        """Note that the system has not taken all of the last write."""
        if self.state is IDLE or self.state is State.PLAYING:
            self.state, self.since = BLOCKED, monotonic()

    def resume_writing(self) -> None:
        """Go on once the loop is through with this write: asyncio does not bear a transport closed from in here."""
        self.timer = asyncio.get_running_loop().call_soon(self.unblocked)

    def connection_lost(self, exc: Exception | None) -> None:
        """Complete the journal, and forget the connection."""
        self.site.connections.discard(self)
        if self.timer:
            self.timer.cancel()
        self.script = None
        ended = self.why or (journal.PEER_RST if exc else journal.PEER_FIN)
        if self.exchange:
            self.complete(ended)
        elif self.reader or not (self.exchanges or self.journaled):
            begun = self.reader.begun if self.reader else b""
            self.enter(Exchange(self.visit, 0, begun, self.own or "", "", 0, self.visit.accepted_s))
            self.complete(ended)

    # Requests

    def answer_known(self, known: Known) -> None:
        """Answer a request that came before: the same bytes, journal and counts as `answer` gives, in a microsecond."""
        received_s = monotonic()
        site, host = self.site, known.host
        self.exchanges += 1
        self.put(known.wire)
        if self.state is not IDLE or site.draining:
            self.answer_slowly(known, received_s)
            return
        self.since = now = monotonic()
        kept = site.journal
        kept.entries.append((self.visit, self.exchanges, known.answered, received_s, now))
        kept.total = total = kept.total + 1
        if not total % TRIM_EVERY:
            kept.trim()
        if known.keep:
            host.kept += 1
        else:
            host.ended += 1
            self.last = known.last
            self.linger()

    def answer_slowly(self, known: Known, received_s: float) -> None:
        """Complete what `answer_known` began, where the system has not taken it all, or the site is to stop."""
        same = known.answered
        exchange = Exchange(self.visit, self.exchanges, same.head, same.host, same.sha256, same.status, received_s)
        self.tally, self.keep, self.last = known.host.tally, known.keep, known.last
        self.enter(exchange)
        self.script = iter((Ending.KEEP,))
        if self.state is BLOCKED:
            self.blocked_bytes = same.sent_bytes
        else:
            exchange.sent_bytes = same.sent_bytes
            self.proceed()

    def take(self, data: bytes) -> None:
        """Take bytes that have to be read. What comes after our last word is dropped."""
        if self.state is State.LINGER or self.state is State.SILENT:
            return
        if self.reader is None:
            self.reader = RequestReader()
        self.reader.feed(data)
        if self.state is IDLE or self.state is READING:
            self.read_on()
        elif len(self.reader.buffer) > MAX_AHEAD_BYTES and not self.held:
            self.held = True
            self.transport.pause_reading()

    def read_on(self) -> None:
        """Answer each whole request that has come, in order (pipelining: RFC 9112, section 9.3.2)."""
        reader = self.reader
        if reader is None:
            return
        try:
            while (self.state is IDLE or self.state is READING) and (request := reader.next_request()):
                self.answer(request)
        except Refused as refused:
            self.refuse(refused, reader.begun)
            return
        if self.state is IDLE and reader:
            self.state, self.since = READING, monotonic()
        elif self.state is READING and reader.in_body:
            self.since = monotonic()

    def answer(self, request: Request) -> None:
        """Play the recording, or the fault that strikes."""
        try:
            host = self.site.host_for(request, self.own)
        except Refused as refused:
            self.refuse(refused, request.head)
            return
        strike = host.plan.strike(Stage.REQUEST, monotonic(), self.decisions) if host.plan else None
        response = host.recording.response(head_only=request.method == b"HEAD")
        self.keep, self.last = request.persistent and not self.site.draining, request.last
        self.begin(host, strike, head=request.head)
        if strike:
            self.perform(strike.script(response, request.target))
            return
        self.remember(request, host, response)
        self.perform(as_recorded(response))

    def remember(self, request: Request, host: Host, response: Response) -> None:
        """Make the same request quick to answer from now on, where nothing but its bytes decides the answer."""
        known = self.site.known
        wire = response.head + response.body if len(response.body) < PIECE_BYTES else b""
        settled = response.ending in {Ending.KEEP, Ending.CLOSE} and not host.recording.dated
        plain = request.host is not None and request.body_bytes == 0 and len(request.head) <= MAX_KNOWN_HEAD_BYTES
        if wire and settled and plain:
            if len(known) >= MAX_KNOWN:
                known.clear()
            keep = response.ending is Ending.KEEP and request.persistent
            recording, ended = host.recording, journal.KEPT if keep else journal.FIN
            answered = Answered(request.head, host.name, recording.sha256, recording.status, len(wire), ended)
            known[request.head] = Known(host, wire, keep, request.last, answered)

    def refuse(self, refused: Refused, head: bytes) -> None:
        """Say why there is no recording, and end the connection."""
        self.exchanges += 1
        self.tally = self.site.nobody
        self.enter(Exchange(self.visit, self.exchanges, head, self.own or "", "", refused.status, monotonic()))
        self.perform(iter((refused.response(), Ending.CLOSE)))

    # The journal

    def begin(self, host: Host, strike: Strike | None, *, head: bytes) -> None:
        """Enter an exchange with a host; one without a request has number 0."""
        self.exchanges += bool(head)
        self.tally = host.tally
        recording = host.recording
        number = self.exchanges if head else 0
        exchange = Exchange(self.visit, number, head, host.name, recording.sha256, recording.status, monotonic())
        if strike:
            exchange.fault, exchange.generation = strike.name, strike.generation
            exchange.status = int(strike.rule.parameters.get("status", recording.status))
        self.enter(exchange)

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

    # The script

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
        for step in script:
            if isinstance(step, bytes):
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

    def wait(self, pause: Pause) -> None:
        """Wait, counted from when the last pause was due, so that many small ones do not add up to more."""
        now = monotonic()
        self.due = (self.due or now) + pause.seconds
        self.paused = True
        self.timer = asyncio.get_running_loop().call_later(whole_ms(self.due - now), self.pause_over)

    def pause_over(self) -> None:
        """Go on, and note how late; a timer that rang early is wound again."""
        late_s = monotonic() - self.due
        if late_s < 0:
            self.timer = asyncio.get_running_loop().call_later(whole_ms(-late_s), self.pause_over)
            return
        self.paused = False
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
            self.let_in()
            self.read_on()
            if self.peer_ended and (self.state is IDLE or self.state is READING):
                self.transport.close()

    def end(self, ending: Ending) -> None:
        """Do what a script ends with."""
        self.script = None
        if ending is Ending.KEEP and self.keep and not self.site.draining:
            self.complete(journal.KEPT)
            self.state, self.since = IDLE, monotonic()
        elif ending is Ending.SILENCE:
            self.state, self.since = State.SILENT, monotonic()
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
        self.reader = None
        self.let_in()
        if self.transport.is_closing():
            return
        if self.peer_ended or (self.last and politely):
            self.hang_up()
        else:
            self.end_stream(politely=politely)

    def hang_up(self) -> None:
        """End the stream both ways."""
        self.transport.close()

    def let_in(self) -> None:
        """Take what the peer sends again, after `take` has held it back."""
        if self.held and not self.transport.is_closing():
            self.held = False
            self.transport.resume_reading()

    def end_stream(self, *, politely: bool) -> None:
        """Send FIN. `politely` matters over TLS alone."""
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

    # Deadlines and the end

    def expire(self) -> None:
        """Act on a deadline that has passed."""
        if self.state is READING and self.reader:
            self.refuse(
                Refused(408, f"a request takes at most {self.site.settings.head_timeout_s:g} seconds"),
                self.reader.begun,
            )
        else:
            self.leave(self.why or journal.TIMED_OUT)

    def drain(self) -> None:
        """End the connection, unless an answer is on its way."""
        if self.state in {State.IDLE, State.READING, State.SILENT, State.HANDSHAKE}:
            self.leave(journal.STOPPED)

    def leave(self, why: str) -> None:
        """Drop the connection; what is written and not taken is lost."""
        self.why = why
        self.transport.abort()


def as_recorded(response: Response) -> Script:
    """Return the script of a response without fault."""
    if len(response.head) + len(response.body) <= PIECE_BYTES:
        yield response.head + response.body
    else:
        yield from pieces(response.head)
        yield from pieces(response.body)
    yield response.ending


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
