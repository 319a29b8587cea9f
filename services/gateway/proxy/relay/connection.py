"""A client's connection to the proxy: requests are read, and bytes and ends are passed on as they come.

`request` and `decision` say what is done with a head; here are the sockets. A response is never read: each byte of a
host goes to the client at once, and so does its end. A FIN is passed on as a FIN once every byte before it is sent, and
the other direction stays open (RFC 9293, section 3.6). A reset is passed on as a reset, once the client's system has
every byte before it. While one peer reads slowly, the gateway reads no more from the other. `phases` has the states,
and how long each may last.
"""

import asyncio

from services.gateway.proxy import responses
from services.gateway.proxy.decision import Decision, Forward, Page, Tunnel, decide
from services.gateway.proxy.messages.incoming import Incoming
from services.gateway.proxy.messages.request import Refused
from services.gateway.proxy.relay.phases import Phase, longest_s
from services.gateway.proxy.relay.stream import Stream
from services.gateway.proxy.relay.upstream import Dialer, Upstream
from services.gateway.proxy.shared import Shared
from services.runtime.http import Address

NOWHERE = Address("", 0)


class ClientConnection(asyncio.BufferedProtocol):
    """One connection of a client.

    `since`: when a byte or a FIN came last, from either side, in seconds of the loop's clock. `pending`: what is done
    once the last host has ended.
    """

    def __init__(self, shared: Shared, dialer: Dialer) -> None:
        self.shared = shared
        self.buffer = shared.buffer
        self._dialer = dialer
        self.address = self.own_address = NOWHERE
        self.stream = Stream()
        self.upstream: Upstream | None = None
        self.phase = Phase.REQUESTS
        self.since = 0.0
        self.pending: Decision | Refused | None = None
        self.is_closing = False
        self._incoming = Incoming()
        self._working: asyncio.Task[None] | None = None
        self._is_upstream_full = False
        self._awaits_answer = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.stream.begin(transport)
        peer = transport.get_extra_info("peername")
        self.address = Address(*peer[:2]) if peer else NOWHERE
        if own := transport.get_extra_info("sockname"):
            self.own_address = Address(*own[:2])
            self.shared.own_addresses.add(own[0])
        self.since = self.shared.loop.time()
        if self.shared.is_draining or len(self.shared.clients) >= self.shared.settings.max_connections:
            self.reset()
        else:
            self.shared.clients.add(self)

    def get_buffer(self, _sizehint: int) -> bytearray:
        """Return the buffer for the next bytes."""
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what the client sent."""
        if self.phase in (Phase.LAST, Phase.RESETTING):
            return
        data = bytes(memoryview(self.buffer)[:nbytes])
        self.since = self.shared.loop.time()
        self._awaits_answer = True
        if self.phase is Phase.TUNNEL:
            self._send_on(data)
        else:
            self._incoming.feed(data)
            self._read_on()

    def eof_received(self) -> bool:
        """Pass the FIN on; the other direction stays open until it ends too."""
        self.stream.has_ended = True
        self.since = self.shared.loop.time()
        if self.phase not in (Phase.WAITING, Phase.RESETTING):
            self._pass_end_on()
        return True

    def pause_writing(self) -> None:
        """Read no more from the host: the client reads slowly."""
        if self.upstream:
            self.upstream.stream.set_reading(on=False)

    def resume_writing(self) -> None:
        """Read from the host again."""
        if self.upstream:
            self.upstream.stream.set_reading(on=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Reset the host's connection, unless this one was closed in order."""
        self.stream.lose()
        if self._working:
            self._working.cancel()
        if self.upstream and (exc is not None or not self.is_closing):
            self.upstream.stream.reset()
        self._forget_if_lost()

    # Requests

    def _read_on(self) -> None:
        """Pass on or begin whatever the bytes say that have come."""
        incoming, shared = self._incoming, self.shared
        try:
            while self.phase is Phase.REQUESTS:
                self._send_on(incoming.body())
                if not (head := incoming.next_head()):
                    break
                self._begin(decide(head, shared.directory, shared.own, own_port=shared.address.port))
        except Refused as refused:
            self._begin(refused)
        incoming.note_time(self.since, is_reading=self.phase is Phase.REQUESTS)

    def _begin(self, decision: Decision | Refused) -> None:
        """Do what was decided, if need be after the end of the last host's response."""
        upstream = self.upstream
        if upstream is None:
            self._perform(decision)
        elif isinstance(decision, Forward) and decision.asked == upstream.decision.asked:
            self.shared.counts.requests += 1
            self._send_on(decision.head)
        elif upstream.stream.has_ended:  # and so has the client's stream: nothing can be answered any more
            self.phase = Phase.LAST
            upstream.stream.finish()
        else:
            self.pending = decision
            self._set_phase(Phase.WAITING)
            upstream.leave()

    def _perform(self, decision: Decision | Refused) -> None:
        if isinstance(decision, Page):
            self.shared.counts.pages += 1
            self._set_phase(Phase.WAITING)
            self._working = self.shared.start(self._show(decision))
        elif isinstance(decision, Refused):
            self.shared.counts.refused[decision.status] += 1
            self._answer(responses.refusal(decision, head_only=self._incoming.head_only))
        else:
            self._set_phase(Phase.WAITING)
            self._working = self.shared.start(self._dial(decision))

    async def _show(self, page: Page) -> None:
        """Answer with a page of the gateway's own."""
        try:
            self._answer(await self.shared.pages.respond(page, at=self.own_address))
        finally:
            self._working = None

    async def _dial(self, decision: Forward | Tunnel) -> None:
        """Connect to a host, or say why not."""
        try:
            await self._dialer.dial(self, decision)
        except Refused as refused:
            self._perform(refused)
        finally:
            self._working = None

    def connected(self, upstream: Upstream) -> None:
        """Pass on what has come for a host."""
        self.upstream = upstream
        self.since = self.shared.loop.time()
        self._is_upstream_full = False
        if not self.stream.is_open:
            upstream.stream.reset()
        elif isinstance(upstream.decision, Forward):
            self.shared.counts.requests += 1
            self.phase = Phase.REQUESTS
            upstream.stream.send(upstream.decision.head)
            self._read_on()
        else:
            self.shared.counts.tunnels += 1
            self.phase = Phase.TUNNEL
            self.send_back(responses.CONNECTED)
            self._send_on(self._incoming.rest())
        if self.stream.has_ended and self.phase is not Phase.WAITING:
            self._pass_end_on()
        self._set_reading()

    def _answer(self, response: bytes) -> None:
        """Send a response of the gateway's own, and end this side of the connection."""
        self.phase = Phase.LAST
        self.since = self.shared.loop.time()
        self._incoming.rest()
        self.stream.send(response)
        self.stream.finish()
        self._set_reading()
        if self.stream.has_ended:
            self.close()

    # Bytes and ends

    def send_back(self, data: bytes) -> None:
        """Send a host's bytes to the client."""
        self.since = self.shared.loop.time()
        self._awaits_answer = False
        self.stream.send(data)

    def _send_on(self, data: bytes) -> None:
        """Send the client's bytes to the host."""
        if self.upstream:
            self.upstream.stream.send(data)

    def _pass_end_on(self) -> None:
        """Pass the client's FIN on, or close where there is nothing to pass it on to."""
        if self.upstream is None or self.upstream.stream.has_ended:
            self.close()
        else:
            self.upstream.stream.finish()

    def upstream_is_full(self, *, full: bool) -> None:
        """Read no more from the client, or again."""
        self._is_upstream_full = full
        self._set_reading()

    def upstream_ended(self, upstream: Upstream) -> None:
        """Pass a host's FIN on, unless the client goes on with another host."""
        self.since = self.shared.loop.time()
        if upstream.is_leaving:
            upstream.stream.close()
        else:
            self.stream.finish()
            if self.stream.has_ended:
                self.close()

    def upstream_lost(self, upstream: Upstream, error: Exception | None) -> None:
        """Go on with the next host, or pass on what ended the connection ahead of its time."""
        if upstream is not self.upstream:
            return
        self.upstream = None
        if upstream.is_leaving and error is None and self.pending and self.stream.is_open:
            decision, self.pending = self.pending, None
            self._perform(decision)  # the client reads as fast as usual: else the last host's FIN would not be read yet
        elif not self.is_closing:
            self.phase = Phase.RESETTING
            self.since = self.shared.loop.time()
            self.stream.when_acknowledged(self.reset)
        self._forget_if_lost()

    def _set_phase(self, phase: Phase) -> None:
        self.phase = phase
        self._set_reading()

    def _set_reading(self) -> None:
        """Read from the client, or not."""
        self.stream.set_reading(on=not (self.phase is Phase.WAITING or self._is_upstream_full))

    # The end

    def is_late(self, now: float) -> bool:
        """Return whether its phase has lasted too long."""
        settings = self.shared.settings
        longest = longest_s(self.phase, settings, has_upstream=self.upstream is not None)
        return now - self.since > longest or self._incoming.is_late(now, settings.head_timeout_s)

    def expire(self) -> None:
        """End a connection whose time is over; a client whose request is not whole gets 408."""
        if self.phase is Phase.REQUESTS and self._incoming.head_since:
            self._incoming.rest()
            self._begin(Refused(408, f"a request head takes at most {self.shared.settings.head_timeout_s:g} s"))
        elif self.upstream or self.phase is Phase.RESETTING:
            self.reset()
        else:
            self.close()

    def is_quiet(self, *, since: float) -> bool:
        """Return whether no answer is due and no byte is on its way, and none came after `since`."""
        if self.phase is Phase.WAITING or (self._awaits_answer and self.upstream):
            return False
        unsent_bytes = self.stream.unsent_bytes + (self.upstream.stream.unsent_bytes if self.upstream else 0)
        return not unsent_bytes and self.since <= since

    def close(self) -> None:
        """End both connections, each with a FIN once all its bytes are sent."""
        self.is_closing = True
        self.stream.close()
        if self.upstream:
            self.upstream.stream.close()

    def reset(self) -> None:
        """End both connections with RST."""
        self.is_closing = True
        if self._working:
            self._working.cancel()
        if self.upstream:
            self.upstream.stream.reset()
        self.stream.reset()

    def _forget_if_lost(self) -> None:
        if not (self.stream.is_there or self.upstream):
            self.shared.clients.discard(self)
