"""One connection: it reads requests and decides what each gets. It holds what does the rest of its work:

    ResponseWriter  sends a script: bytes, pauses, an ending (a RST: see `reset`)
    Unread          has what the peer sent and is not answered yet
    Exchanges       enters what happens into the journal

An asyncio protocol and not a web framework, since a framework rewrites heads. It knows nothing of TLS: the transport
that it is given may be one (see `tls.protocol`). Its states, and what ends each, are in `states_and_deadlines`.
"""

import asyncio
from time import monotonic
from typing import cast

from services.runtime.sockets.tcp import reset_on_close
from services.sites import journal
from services.sites.connection.cache import as_recorded, remember
from services.sites.connection.exchanges import Exchanges, client_of, ended_by, peer_of
from services.sites.connection.unread import Unread
from services.sites.connection.writer import ResponseWriter, raw_transport
from services.sites.faults.active import ActivePlan, Decisions
from services.sites.faults.catalog import Stage
from services.sites.faults.script import Ending, Script
from services.sites.host import Host
from services.sites.http.request import Request
from services.sites.http.request_body import RequestBody
from services.sites.http.response import Refused
from services.sites.journal import ConnectionInfo, Exchange
from services.sites.site import CachedResponse, Site
from services.sites.states_and_deadlines import (
    ANSWERING,
    DEADLINES,
    DROPS_INPUT,
    MIN_BODY_BYTES_PER_S,
    MOVES,
    WITHOUT_ANSWER,
    Event,
    Expiry,
    State,
    extended,
)

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
NO_MEMORY = "this site has no memory left for what you send: send less at a time, or later"

IDLE, READING = State.IDLE, State.READING


class Connection(asyncio.Protocol):
    """One connection to a site. `own`: the host whose port this is, None for a port of several.

    `keep`: the connection stays open after this answer; `is_last`: the client has said that it sends nothing more.
    `reason`: why the connection ends, for the journal. `unread`: None until a request has to be read.
    """

    __slots__ = (
        "decisions",
        "exchanges",
        "is_last",
        "keep",
        "own",
        "peer_ended",
        "reason",
        "since",
        "site",
        "state",
        "transport",
        "unread",
        "write",
        "writer",
    )
    transport: asyncio.Transport
    exchanges: Exchanges
    writer: ResponseWriter

    def __init__(self, site: Site, own: str | None, *, state: State = IDLE) -> None:
        self.site = site
        self.own = own
        self.state = state
        self.since = 0.0
        self.keep = self.is_last = self.peer_ended = False
        self.reason = ""
        self.unread: Unread | None = None
        self.decisions: Decisions = {}

    def move(self, event: Event) -> None:
        """Go to the state that an event leads to, and start its clock."""
        self.state = MOVES[self.state][event]
        self.since = monotonic()

    # The transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request, unless a fault comes first."""
        site = self.site
        self.transport = cast("asyncio.Transport", transport)
        self.writer = ResponseWriter(self, self.transport, site)
        self.write = self.transport.write
        site.accepted += 1
        site.connections.add(self)
        self.since = monotonic()
        over_tls = self.state is State.HANDSHAKE
        peer = client_of(transport, site) if site.relayed else peer_of(transport)
        self.exchanges = Exchanges(site, ConnectionInfo(site.accepted, peer, over_tls, self.since))
        if site.draining:
            self.leave(journal.STOPPED)
        elif site.is_over():
            site.turned_away += 1
            reset_on_close(raw_transport(self.transport).get_extra_info("socket"))
            self.leave(journal.STOPPED)
        elif self.own and (host := site.hosts.get(self.own)) and host.plan:
            self.accept(host, host.plan)

    def connection_lost(self, exc: Exception | None) -> None:
        """Complete the journal, where a connection without a whole request has an entry too; forget the connection."""
        reader = self.unread.reader if self.unread and self.state is not State.LINGER else None
        begun, body = (reader.begun, reader.begun_body) if reader else (b"", None)
        self.exchanges.without_request(begun, body, host=self.own or "")
        self.site.connections.discard(self)
        self.writer.close()
        if self.unread:
            self.unread.share.release()
        self.reason = self.reason or ended_by(exc)
        self.exchanges.complete(self.reason)

    def data_received(self, data: bytes) -> None:
        """Take what the peer sent. A request that came before, byte for byte, needs no reading."""
        if self.state is IDLE:
            known = self.site.known.get(data)
            if known is not None and known.host.plan is None:
                self.answer_known(known)
                return
        self.read(data)

    def eof_received(self) -> bool:
        """Stay open for answers that are still owed to a peer which has only ended its own side."""
        self.peer_ended = True
        return self.state in ANSWERING

    def pause_writing(self) -> None:
        """Note that the system has not taken all of the last write."""
        if self.state is IDLE or self.state is State.SENDING:
            self.move(Event.PAUSED)
            self.writer.pause()
        elif self.state is READING:  # it was 100 (Continue); the deadline is that of the request
            self.writer.pause()

    def resume_writing(self) -> None:
        """Go on: the system has taken all of it."""
        if self.state is State.BLOCKED:
            self.move(Event.RESUMED)
            self.writer.resume()
        elif self.state is READING:
            self.writer.is_blocked = False

    # Requests

    def answer_known(self, known: CachedResponse) -> None:
        """Answer a request that came before: the same bytes, journal and counts as `answer` gives, in a microsecond."""
        received_s = monotonic()
        host = known.host
        self.write(known.wire)
        if self.state is not IDLE or self.site.draining:
            self.complete_known(known, received_s)
            return
        self.since = now = monotonic()
        self.exchanges.add_known(known.exchange, received_s=received_s, ended_s=now)
        if known.keep:
            host.kept += 1
        else:
            host.ended += 1
            self.is_last = known.is_last
            self.linger()

    def complete_known(self, known: CachedResponse, received_s: float) -> None:
        """Complete what `answer_known` began, where the system has not taken it all, or the site is to stop."""
        self.keep, self.is_last = known.keep, known.is_last
        exchange = self.exchanges.begin_known(known.exchange, known.host, received_s=received_s)
        self.writer.complete(exchange, known.exchange.sent_bytes)

    def read(self, data: bytes) -> None:
        """Take bytes that have to be read. What comes after the last answer, or after too much, is dropped."""
        unread = self.unread
        if self.state in DROPS_INPUT or (unread and unread.is_overdrawn):
            return
        if unread is None:
            unread = self.unread = Unread(self.transport, self.site.budget.buffers)
        unread.reader.feed(data)
        if self.state is IDLE or self.state is READING:
            self.answer_whole(unread, len(data))
        self.charge(unread)

    def ready(self) -> None:
        """Answer what has come meanwhile; a peer that has ended its side gets no more than that."""
        if self.state is not IDLE:
            return
        if self.unread:
            self.answer_whole(self.unread)
            self.charge(self.unread)
        if self.peer_ended and (self.state is IDLE or self.state is READING):
            raw_transport(self.transport).close()

    def answer_whole(self, unread: Unread, came_bytes: int = 0) -> None:
        """Answer each whole request that has come, in order (pipelining: RFC 9112, section 9.3.2)."""
        reader = unread.reader
        try:
            while (self.state is IDLE or self.state is READING) and (request := reader.next_request()):
                self.answer(request)
        except Refused as refused:
            self.refuse(refused, reader.begun, reader.begun_body)
            return
        if unread.is_overdrawn and (self.state is IDLE or self.state is READING):
            self.refuse(Refused(503, NO_MEMORY), reader.begun, reader.begun_body)
        elif self.state is IDLE and reader:
            self.move(Event.BEGUN)
        elif self.state is READING and reader.in_body:
            self.since = extended(self.since, came_bytes, now=monotonic())
        if self.state is READING and reader.take_waiting():
            self.write(CONTINUE)

    def charge(self, unread: Unread) -> None:
        """Charge the site's buffers for what waits; refuse what there is no memory for, after what came before it."""
        if unread.is_overdrawn or self.state in DROPS_INPUT:
            return
        answering = not (self.state is IDLE or self.state is READING)
        if unread.charge(answering=answering):
            return
        if answering:
            unread.keep_what_is_free()
        else:
            self.refuse(Refused(503, NO_MEMORY), unread.reader.begun, unread.reader.begun_body)

    # Answers

    def accept(self, host: Host, plan: ActivePlan) -> None:
        """Let a plan choose a fault for a connection that has sent nothing yet."""
        if injection := plan.decide(Stage.ACCEPT, self.since):
            exchange = self.exchanges.begin(host, host.own, injection)
            self.send(injection.script(host.recording.response(), ""), exchange)

    def answer(self, request: Request) -> None:
        """Send the recording that the request gets, or what a fault makes of it."""
        try:
            host = self.site.host_for(request, self.own)
        except Refused as refused:
            self.refuse(refused, request.head, request.body.so_far() if request.body else None)
            return
        injection = host.plan.decide(Stage.REQUEST, monotonic(), self.decisions) if host.plan else None
        chosen = host.choose(request)
        response = chosen.recording.response(head_only=request.method == b"HEAD")
        self.keep, self.is_last = request.persistent and not self.site.draining, request.last
        exchange = self.exchanges.begin(host, chosen, injection, request)
        if injection:
            if injection.resets:  # the deadline of a peer that does not take these bytes is the reset's
                self.writer.hold_whole(int(injection.rule.parameters["bytes"]))
            self.send(injection.script(response, request.target), exchange)
            return
        remember(self.site, request, host, chosen, response)
        self.send(as_recorded(response, chosen), exchange)

    def refuse(self, refused: Refused, head: bytes, body: RequestBody | None) -> None:
        """Send the reason why there is no recording, and end the connection."""
        exchange = self.exchanges.refuse(refused, head, body, host=self.own or "")
        if self.unread:
            self.unread.reader.forget_body()
        response = refused.response(head_only=head.startswith(b"HEAD "))
        self.send(iter((response, Ending.CLOSE)), exchange)

    def send(self, script: Script, exchange: Exchange) -> None:
        """Send a script, from its first step on."""
        self.move(Event.ANSWERED)
        if self.writer.is_blocked:
            self.move(Event.PAUSED)
        self.writer.send(script, exchange)

    # What the writer tells (see ScriptOwner)

    def script_ended(self, ending: Ending) -> None:
        if ending is Ending.KEEP and self.keep and not self.site.draining:
            self.exchanges.complete(journal.KEPT)
            self.move(Event.KEPT)
            self.writer.unsent.release()
        elif ending is Ending.SILENCE:
            self.fall_silent()
        elif ending is Ending.RESET:
            self.move(Event.RESET)
            self.writer.reset(self.since + self.site.settings.write_timeout_s)
        else:
            self.exchanges.complete(journal.FIN)
            self.linger(cut=ending is Ending.CUT)

    def reset_sent(self) -> None:
        """Complete the exchange; the loop tells next that the connection is lost."""
        self.exchanges.complete(journal.RST)
        self.reason = journal.RST

    def script_failed(self) -> None:
        """Drop the connection."""
        self.leave(journal.SITE_ERROR)

    # The end

    def fall_silent(self) -> None:
        """Send nothing more, and wait for the peer to leave."""
        self.move(Event.SILENCED)
        if self.unread:
            self.unread.drop()
        if self.peer_ended:
            raw_transport(self.transport).close()

    def linger(self, *, cut: bool = False) -> None:
        """End our side of the stream; the peer ends the other, unless it has said that it sends nothing more."""
        self.move(Event.ENDED)
        self.reason = journal.FIN
        if self.unread:
            self.unread.drop()
        if not self.transport.is_closing():
            self.writer.finish(cut=cut, both_ways=self.peer_ended or (self.is_last and not cut))

    def expire(self) -> None:
        """End a state that has lasted too long; a peer whose request is not whole gets 408 Request Timeout."""
        if DEADLINES[self.state].expiry is Expiry.REFUSE and self.unread:
            reader = self.unread.reader
            reason = f"a request takes at most {self.site.settings.head_timeout_s:g} seconds"
            if reader.in_body:
                reason += f", and one more for every {MIN_BODY_BYTES_PER_S:,} bytes of its body"
            self.refuse(Refused(408, reason), reader.begun, reader.begun_body)
        else:
            self.leave(self.reason or journal.TIMED_OUT)

    def drain(self) -> None:
        """End the connection, unless an answer is on its way."""
        if self.state in WITHOUT_ANSWER:
            self.leave(journal.STOPPED)

    def leave(self, reason: str) -> None:
        """Drop the connection; what is written and not taken is lost."""
        self.reason = reason
        self.transport.abort()

    # The handshake, of which the layer below tells

    def secured(self) -> None:
        """Begin to wait for a request; a peer that was given a bad certificate has accepted it."""
        self.exchanges.complete(journal.KEPT)
        self.move(Event.SECURED)

    def handshake_failed(self, reason: str) -> None:
        """End a connection on which TLS was not agreed on."""
        self.exchanges.without_request(b"", host=self.own or "")
        self.exchanges.complete(reason)
        self.linger(cut=True)
        self.reason = reason
