"""A client's connection to the proxy: requests are read, and bytes and ends are passed on as they come.

`request` and `decision` say what is done with a head; here are the sockets. A response is never read: each byte of a
host goes to the client at once, and so does its end. A FIN is passed on as a FIN once every byte before it is sent, and
the other direction stays open (RFC 9293, section 3.6). A reset is passed on as a reset, once the client's system has
every byte before it. While one peer reads slowly, the gateway reads no more from the other.

A connection is in one phase at a time:

    REQUESTS  heads are read, and bodies are passed on
    WAITING   a host is connected to, or the last one has yet to end its response; the client is not read
    TUNNEL    after CONNECT: every byte is passed on
    LAST      the gateway's own response is the last; what the client still sends is dropped
    RESETTING the host has reset its connection; the client's system has yet to take the bytes before that
"""

import asyncio
from enum import Enum, auto
from typing import cast

from services.gateway.proxy import responses
from services.gateway.proxy.body import Body
from services.gateway.proxy.decision import Decision, Forward, Page, Tunnel, decide
from services.gateway.proxy.request import HeadReader, Refused
from services.gateway.proxy.settings import BUFFER_BYTES
from services.gateway.proxy.shared import Shared
from services.gateway.proxy.upstream import Dialer, Upstream
from services.runtime.http import Address
from services.runtime.serving.tcp import reset_on_close, unacknowledged_bytes

ACKNOWLEDGED_EVERY_S = 0.01
NOWHERE = Address("", 0)


class Phase(Enum):
    """What a connection does, as above."""

    REQUESTS = auto()
    WAITING = auto()
    TUNNEL = auto()
    LAST = auto()
    RESETTING = auto()


class ClientConnection(asyncio.BufferedProtocol):
    """One connection of a client.

    `since`: when a byte or a FIN came last, from either side, and `head_since`: when a head began that is not whole,
    0 where there is none; both in seconds of the loop's clock. `pending`: what is done once the last host has ended.
    """

    def __init__(self, shared: Shared, dialer: Dialer) -> None:
        self.shared = shared
        self.buffer = shared.buffer
        self._dialer = dialer
        self.address = NOWHERE
        self.transport: asyncio.Transport | None = None
        self.upstream: Upstream | None = None
        self.phase = Phase.REQUESTS
        self.since = self.head_since = 0.0
        self.pending: Decision | Refused | None = None
        self.has_ended = self.is_closing = False
        self._reader = HeadReader()
        self._body = Body(0)
        self._working: asyncio.Task[None] | None = None
        self._is_upstream_full = False
        self._awaits_answer = False
        self._head_only = False
        self._resetting: asyncio.TimerHandle | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self.transport.set_write_buffer_limits(high=BUFFER_BYTES)
        peer = transport.get_extra_info("peername")
        self.address = Address(*peer[:2]) if peer else NOWHERE
        self.since = self.shared.loop.time()
        self.shared.accept(self)

    def get_buffer(self, _sizehint: int) -> bytearray:
        """Return the buffer for the next bytes."""
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what the client sent."""
        data = bytes(memoryview(self.buffer)[:nbytes])
        self.since = self.shared.loop.time()
        self._awaits_answer = True
        if self.phase is Phase.TUNNEL:
            self._send_on(data)
        elif self.phase in (Phase.REQUESTS, Phase.WAITING):
            self._reader.feed(data)
            self._read_on()

    def eof_received(self) -> bool:
        """Pass the FIN on; the other direction stays open until it ends too."""
        self.has_ended = True
        self.since = self.shared.loop.time()
        if self.phase not in (Phase.WAITING, Phase.RESETTING):
            self._pass_end_on()
        return True

    def pause_writing(self) -> None:
        """Read no more from the host: the client reads slowly."""
        if self.upstream:
            self.upstream.set_reading(on=False)

    def resume_writing(self) -> None:
        """Read from the host again."""
        if self.upstream:
            self.upstream.set_reading(on=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Reset the host's connection, unless this one was closed in order."""
        self.transport = None
        if self._working:
            self._working.cancel()
        if self._resetting:
            self._resetting.cancel()
        if self.upstream and (exc is not None or not self.is_closing):
            self.upstream.reset()
        self._forget_if_lost()

    # Requests

    def _read_on(self) -> None:
        """Pass on or begin whatever the bytes say that have come."""
        try:
            while self.phase is Phase.REQUESTS and self._pass_body_on() and (head := self._reader.next_head()):
                self._body = Body(head.body_bytes)
                self._head_only = head.method == b"HEAD"
                self._begin(decide(head, self.shared.directory, self.shared.own, own_port=self.shared.address.port))
        except Refused as refused:
            self._begin(refused)
        if not len(self._reader) or self.phase is not Phase.REQUESTS:
            self.head_since = 0.0
        elif not self.head_since:
            self.head_since = self.since

    def _pass_body_on(self) -> bool:
        """Pass on what has come of a request's body, and return whether it is whole."""
        if not self._body.is_complete and len(self._reader):
            data = self._reader.rest()
            taken = self._body.take(data)
            self._send_on(data[:taken])
            self._reader.feed(data[taken:])
        return self._body.is_complete

    def _begin(self, decision: Decision | Refused) -> None:
        """Do what was decided, if need be after the end of the last host's response."""
        upstream = self.upstream
        if upstream is None:
            self._perform(decision)
        elif isinstance(decision, Forward) and decision.asked == upstream.decision.asked:
            self.shared.counts.requests += 1
            self._send_on(decision.head)
        elif upstream.has_ended:  # and so has the client's stream: nothing can be answered any more
            self.phase = Phase.LAST
            upstream.finish()
        else:
            self.pending = decision
            self._wait()
            upstream.is_leaving = True
            upstream.finish()

    def _perform(self, decision: Decision | Refused) -> None:
        if isinstance(decision, Page):
            self.shared.counts.pages += 1
            self._wait()
            self._working = self.shared.start(self._show(decision))
        elif isinstance(decision, Refused):
            self.shared.counts.refused[decision.status] += 1
            self._answer(responses.refusal(decision, head_only=self._head_only))
        else:
            self._wait()
            self._working = self.shared.start(self._dial(decision))

    async def _show(self, page: Page) -> None:
        """Answer with a page of the gateway's own."""
        try:
            self._answer(await self.shared.pages.respond(page))
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
        if not self.is_open:
            upstream.reset()
        elif isinstance(upstream.decision, Forward):
            self.shared.counts.requests += 1
            self.phase = Phase.REQUESTS
            upstream.send(upstream.decision.head)
            self._read_on()
        else:
            self.shared.counts.tunnels += 1
            self.phase = Phase.TUNNEL
            self.send_back(responses.CONNECTED)
            self._send_on(self._reader.rest())
        if self.has_ended and self.phase is not Phase.WAITING:
            self._pass_end_on()
        self._set_reading()

    def _answer(self, response: bytes) -> None:
        """Send a response of the gateway's own, and end this side of the connection."""
        self.phase = Phase.LAST
        self.since = self.shared.loop.time()
        self._reader.rest()
        if self.transport and self.is_open:
            self.transport.write(response)
            self.transport.write_eof()
            self._set_reading()
        if self.has_ended:
            self.close()

    # Bytes and ends

    def send_back(self, data: bytes) -> None:
        """Send a host's bytes to the client."""
        self.since = self.shared.loop.time()
        self._awaits_answer = False
        if self.transport and self.is_open:
            self.transport.write(data)

    def _send_on(self, data: bytes) -> None:
        """Send the client's bytes to the host."""
        if self.upstream and data:
            self.upstream.send(data)

    def _pass_end_on(self) -> None:
        """Pass the client's FIN on, or close where there is nothing to pass it on to."""
        if self.upstream is None or self.upstream.has_ended:
            self.close()
        else:
            self.upstream.finish()

    def upstream_is_full(self, *, full: bool) -> None:
        """Read no more from the client, or again."""
        self._is_upstream_full = full
        self._set_reading()

    def upstream_ended(self, upstream: Upstream) -> None:
        """Pass a host's FIN on, unless the client goes on with another host."""
        self.since = self.shared.loop.time()
        if upstream.is_leaving:
            upstream.close()
        elif self.transport and self.is_open:
            self.transport.write_eof()
            if self.has_ended:
                self.close()

    def upstream_lost(self, upstream: Upstream, error: Exception | None) -> None:
        """Go on with the next host, or pass on what ended the connection ahead of its time."""
        if upstream is not self.upstream:
            return
        self.upstream = None
        if upstream.is_leaving and error is None and self.pending and self.is_open:
            decision, self.pending = self.pending, None
            self._perform(decision)
        elif not self.is_closing:
            self.phase = Phase.RESETTING
            self.since = self.shared.loop.time()
            self._reset_when_acknowledged()
        self._forget_if_lost()

    def _wait(self) -> None:
        self.phase = Phase.WAITING
        self._set_reading()

    def _set_reading(self) -> None:
        """Read from the client, or not."""
        if self.transport and self.is_open and not self.has_ended:
            if self.phase is Phase.WAITING or self._is_upstream_full:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    # The end

    def is_late(self, now: float) -> bool:
        """Return whether its phase has lasted too long."""
        settings = self.shared.settings
        if self.head_since and now - self.head_since > settings.head_timeout_s:
            return True
        most = settings.idle_timeout_s
        if self.phase is Phase.LAST:
            most = settings.linger_s
        elif self.phase is Phase.RESETTING:
            most = settings.reset_timeout_s
        elif self.upstream or self.phase is Phase.WAITING:
            most = settings.silence_timeout_s
        return now - self.since > most

    @property
    def is_open(self) -> bool:
        """Whether it is connected and not being closed: uvloop raises an error for any use of a closing transport."""
        return self.transport is not None and not self.transport.is_closing()

    def expire(self) -> None:
        """End a connection whose time is over; a client whose request is not whole gets 408."""
        if self.phase is Phase.REQUESTS and self.head_since:
            self._reader.rest()
            self.head_since = 0.0
            self._begin(Refused(408, f"a request head takes at most {self.shared.settings.head_timeout_s:g} s"))
        elif self.upstream or self.phase is Phase.RESETTING:
            self.reset()
        else:
            self.close()

    def is_quiet(self, *, since: float) -> bool:
        """Return whether no answer is due and no byte is on its way, and none came after `since`."""
        if self.phase is Phase.WAITING or (self._awaits_answer and self.upstream):
            return False
        unsent = self.transport is not None and self.transport.get_write_buffer_size() > 0
        return not (unsent or (self.upstream and self.upstream.has_bytes_to_send)) and self.since <= since

    def close(self) -> None:
        """End both connections, each with a FIN once all its bytes are sent."""
        self.is_closing = True
        if self.transport:
            self.transport.close()
        if self.upstream:
            self.upstream.close()

    def reset(self) -> None:
        """End both connections with RST."""
        self.is_closing = True
        if self._working:
            self._working.cancel()
        if self.upstream:
            self.upstream.reset()
        if self.transport:
            reset_on_close(self.transport.get_extra_info("socket"))
            self.transport.abort()

    def _reset_when_acknowledged(self) -> None:
        """Reset the client once its system has every byte: a RST overtakes what is unsent."""
        if self.transport and self.is_open:
            unsent = self.transport.get_write_buffer_size()
            if unsent or unacknowledged_bytes(self.transport.get_extra_info("socket")):
                loop = self.shared.loop
                self._resetting = loop.call_later(ACKNOWLEDGED_EVERY_S, self._reset_when_acknowledged)
                return
        self.reset()

    def _forget_if_lost(self) -> None:
        if self.transport is None and self.upstream is None:
            self.shared.clients.discard(self)
