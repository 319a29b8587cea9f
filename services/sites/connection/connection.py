"""One connection: how what the peer sends becomes exchanges. `performer` is the half that sends.

A raw protocol and not a web framework, since a framework rewrites heads. Most requests are the same as one that came
before, byte for byte: those are answered without being read again.
"""

import asyncio
import socket
from time import monotonic

from services.runtime.serving.listen import RECEIVE_BYTES
from services.sites import journal
from services.sites.budget import FREE_BYTES
from services.sites.connection.writer import BLOCKED, BLOCKED_BYTES, IDLE, READING, ResponseWriter
from services.sites.faults.active import ActivePlan, Decisions, Injection
from services.sites.faults.catalog import Stage
from services.sites.faults.script import SHORT_BYTES, Ending, Response, Script, pieces
from services.sites.http.request import Refused, Request, RequestReader
from services.sites.journal import TRIM_EVERY, CachedExchange, Exchange
from services.sites.site import CachedResponse, Host, Site, State

MAX_AHEAD_BYTES = FREE_BYTES  # what may wait while an answer is on its way; no more is read then
HELD_IN_SYSTEM_BYTES = 2 * RECEIVE_BYTES  # what the system may have of a peer that is not read from
MAX_KNOWN = 4096
MAX_KNOWN_HEAD_BYTES = 1024
MIN_BODY_BYTES_PER_S = 1000
NO_MEMORY = "this site has no memory left for what you send: send less at a time, or later"


class Connection(ResponseWriter):
    """One connection to a site. `own`: the host whose port this is, None for a port of several."""

    __slots__ = ("decisions", "exchanges", "overdrawn", "own", "reader")

    def __init__(self, site: Site, own: str | None) -> None:
        super().__init__(site)
        self.own = own
        self.exchanges = 0
        self.overdrawn = False
        self.reader: RequestReader | None = None
        self.decisions: Decisions = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request, or for nothing where a fault says so."""
        super().connection_made(transport)
        site = self.site
        if site.draining:
            self.leave(journal.STOPPED)
            return
        if len(site.connections) > site.max_connections:
            site.turned_away += 1
            self.leave(journal.STOPPED)
            return
        buffers = site.budget.buffers
        if buffers.used + BLOCKED_BYTES > buffers.limit:
            self.send_little()
        if self.own and (host := site.hosts.get(self.own)) and host.plan:
            self.receive(host, host.plan)

    def receive(self, host: Host, plan: ActivePlan) -> None:
        """Let the plan strike a connection that has said nothing yet."""
        if strike := plan.decide(Stage.ACCEPT, self.since):
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

    def connection_lost(self, exc: Exception | None) -> None:
        """See to it that a connection without a whole request is in the journal too."""
        begun = self.reader.begun if self.reader and self.state is not State.LINGER else b""
        if self.exchange is None and (begun or not (self.exchanges or self.journaled)):
            self.tally = self.site.nobody
            self.enter(Exchange(self.visit, 0, begun, self.own or "", "", 0, self.visit.accepted_s))
        super().connection_lost(exc)

    def ready(self) -> None:
        """Answer what has come meanwhile; a peer that has ended its side gets no more than that."""
        self.read_on()
        self.weigh()
        if self.peer_ended and (self.state is IDLE or self.state is READING):
            self.transport.close()

    def answer_known(self, known: CachedResponse) -> None:
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

    def answer_slowly(self, known: CachedResponse, received_s: float) -> None:
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
        """Take bytes that have to be read. What comes after our last word, or after too much, is dropped."""
        if self.overdrawn or self.state is State.LINGER or self.state is State.SILENT:
            return
        if self.reader is None:
            self.reader = RequestReader()
        self.reader.feed(data)
        if self.state is IDLE or self.state is READING:
            self.read_on(len(data))
        self.weigh()

    def weigh(self) -> None:
        """Charge the site's budget for what waits, beyond what is free; behind an answer, read no more of it."""
        reader = self.reader
        if reader is None or self.overdrawn or self.state is State.LINGER or self.state is State.SILENT:
            return
        more_bytes = len(reader.buffer) - MAX_AHEAD_BYTES
        if more_bytes <= 0:
            if self.unread_bytes or self.held:
                self.charge_unread(0)
                self.let_in()
            return
        if self.state is IDLE or self.state is READING:
            self.let_in()
        else:
            self.hold_back()
            more_bytes += HELD_IN_SYSTEM_BYTES
        if not self.charge_unread(more_bytes):
            self.overdraw(reader)

    def overdraw(self, reader: RequestReader) -> None:
        """Refuse what there is no memory for; what came before it is answered first."""
        self.overdrawn = True
        if self.state is IDLE or self.state is READING:
            self.refuse(Refused(503, NO_MEMORY), reader.begun)
            return
        del reader.buffer[MAX_AHEAD_BYTES:]
        self.hold_back()
        connected = self.transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)

    def drop_unread(self) -> None:
        """Forget it in the reader too."""
        if self.reader:
            self.reader.forget()
        super().drop_unread()

    def read_on(self, came_bytes: int = 0) -> None:
        """Answer each whole request that has come, in order (pipelining: RFC 9112, section 9.3.2).

        A body that goes on coming buys its request time, by the byte: whoever sends one byte at a time is cut off.
        """
        reader = self.reader
        if reader is None:
            return
        try:
            while (self.state is IDLE or self.state is READING) and (request := reader.next_request()):
                self.answer(request)
        except Refused as refused:
            self.refuse(refused, reader.begun)
            return
        if self.overdrawn and (self.state is IDLE or self.state is READING):
            self.refuse(Refused(503, NO_MEMORY), reader.begun)
        elif self.state is IDLE and reader:
            self.state, self.since = READING, monotonic()
        elif self.state is READING and reader.in_body:
            self.since = min(monotonic(), self.since + came_bytes / MIN_BODY_BYTES_PER_S)

    def answer(self, request: Request) -> None:
        """Play the recording, or the fault that strikes."""
        try:
            host = self.site.host_for(request, self.own)
        except Refused as refused:
            self.refuse(refused, request.head)
            return
        strike = host.plan.decide(Stage.REQUEST, monotonic(), self.decisions) if host.plan else None
        response = host.recording.response(head_only=request.method == b"HEAD")
        self.keep, self.last = request.persistent and not self.site.draining, request.last
        self.begin(host, strike, head=request.head)
        if strike:
            if strike.name == "rst_at":  # the deadline of a peer that does not take these bytes is the reset's
                self.send_whole(int(strike.rule.parameters["bytes"]))
            self.perform(strike.script(response, request.target))
            return
        self.remember(request, host, response)
        self.perform(as_recorded(response, host))

    def remember(self, request: Request, host: Host, response: Response) -> None:
        """Make the same request quick to answer from now on, where nothing but its bytes decides the answer."""
        known = self.site.known
        short = len(response.body) < SHORT_BYTES
        settled = response.ending in {Ending.KEEP, Ending.CLOSE} and not host.recording.dated
        plain = request.host is not None and request.body_bytes == 0 and len(request.head) <= MAX_KNOWN_HEAD_BYTES
        if short and settled and plain:
            if len(known) >= MAX_KNOWN:
                known.clear()
            wire = host.wire(head_only=request.method == b"HEAD")
            keep = response.ending is Ending.KEEP and request.persistent
            recording, ended = host.recording, journal.KEPT if keep else journal.FIN
            answered = CachedExchange(request.head, host.name, recording.sha256, recording.status, len(wire), ended)
            known[request.head] = CachedResponse(host, wire, keep, request.last, answered)

    def refuse(self, refused: Refused, head: bytes) -> None:
        """Say why there is no recording, and end the connection."""
        self.exchanges += 1
        self.tally = self.site.nobody
        self.enter(Exchange(self.visit, self.exchanges, head, self.own or "", "", refused.status, monotonic()))
        response = refused.response(head_only=head.startswith(b"HEAD "))
        self.perform(iter((response, Ending.CLOSE)))

    def begin(self, host: Host, strike: Injection | None, *, head: bytes) -> None:
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

    def expire(self) -> None:
        """Say so to a peer that has begun a request and not ended it."""
        if self.state is READING and self.reader:
            most_s = self.site.settings.head_timeout_s
            reason = f"a request takes at most {most_s:g} seconds"
            if self.reader.in_body:
                reason += f", and one more for every {MIN_BODY_BYTES_PER_S:,} bytes of its body"
            self.refuse(Refused(408, reason), self.reader.begun)
        else:
            super().expire()


def as_recorded(response: Response, host: Host) -> Script:
    """Return the script of a response without fault: in one write if it is small."""
    if len(response) > SHORT_BYTES:
        yield from pieces(response.head)
        yield from pieces(response.body)
    elif host.recording.dated:
        yield response.head + response.body
    else:
        yield host.wire(head_only=not response.body)
    yield response.ending
