"""Sending a script: its bytes, its pauses and its ending, as fast as the peer takes them.

A writer belongs to one connection, which gives it one script at a time and hears of four things: the script has come
to its ending, a RST is sent, the script has failed, and (once a wait is over) the next request can be answered. What
an ending means for the connection's state and its journal is the connection's to decide.

The write buffer's high-water mark is 0: a write that the system does not take whole calls `pause_writing` from within,
so that after each write it is known whether every byte is with the system. That is what makes the journal exact.
"""

import asyncio
import contextlib
import logging
import math
import socket
from time import monotonic
from typing import Protocol

from services.runtime.serving.listen import UNSENT_BYTES
from services.runtime.serving.memory_pool import Share
from services.sites.connection.reset import Reset
from services.sites.faults.script import Bytes, Ending, Pause, Script
from services.sites.journal import Exchange
from services.sites.site import Site

BURST_BYTES = 512 * 1024  # what one connection may write before the loop looks at the others
BLOCKED_BYTES = UNSENT_BYTES + 8 * 1024  # what the system has of an answer that a peer does not take
NO_BOUND = 0x7FFFFFFF
BYTES = (bytes, memoryview)

log = logging.getLogger(__name__)


class ScriptOwner(Protocol):
    """The connection, as a writer calls it back."""

    def script_ended(self, ending: Ending) -> None:
        """The last byte is with the system, and this comes next."""

    def reset_sent(self) -> None:
        """The RST is sent: the peer's system had every byte, or has had its time."""

    def script_failed(self) -> None:
        """The script raised an error, which the log tells."""

    def ready(self) -> None:
        """A wait is over, and the script has gone on: if it has ended, the next request can be answered."""


class ResponseWriter:
    """Sends scripts to one transport.

    `is_blocked`: the system has not taken all of the last write; `blocked_bytes`: how many bytes that write had.
    `unsent`: what the connection has of the site's buffers for an answer that the peer does not take.
    """

    __slots__ = (
        "_blocked_bytes",
        "_due",
        "_exchange",
        "_owner",
        "_script",
        "_site",
        "_timer",
        "_transport",
        "is_blocked",
        "unsent",
    )

    def __init__(self, owner: ScriptOwner, transport: asyncio.Transport, site: Site) -> None:
        self._owner = owner
        self._transport = transport
        self._site = site
        self._script: Script | None = None
        self._exchange: Exchange | None = None
        self._timer: asyncio.Handle | Reset | None = None
        self._due = 0.0
        self._blocked_bytes = 0
        self.is_blocked = False
        self.unsent = Share(site.budget.buffers)
        transport.set_write_buffer_limits(high=0)
        if self.unsent.pool.left < BLOCKED_BYTES:
            self._hold_little()

    def close(self) -> None:
        """End with the connection. The writer forgets its connection, so that no garbage collector has to find both."""
        if self._timer:
            self._timer.cancel()
        self._script = None
        self.unsent.release()
        del self._owner

    # The script

    def send(self, script: Script, exchange: Exchange) -> None:
        """Send a script, and count its bytes in `exchange`; where 100 (Continue) is not taken yet, after it."""
        self._script, self._exchange = script, exchange
        self._due = 0.0
        if not self.is_blocked:
            self._proceed()

    def complete(self, exchange: Exchange, sent_bytes: int) -> None:
        """Go on after one write of so many bytes, which was made without a script; the connection is to stay open."""
        self._script, self._exchange = iter((Ending.KEEP,)), exchange
        if self.is_blocked:
            self._blocked_bytes = sent_bytes
        else:
            exchange.sent_bytes = sent_bytes
            self._proceed()

    def _proceed(self) -> None:
        """Take steps until one has to wait."""
        script, exchange = self._script, self._exchange
        if script is None or exchange is None:
            return
        left = BURST_BYTES
        try:
            for step in script:
                if isinstance(step, BYTES):
                    if not self._write(step, exchange):
                        return
                    left -= len(step)
                    if left <= 0:
                        self._timer = asyncio.get_running_loop().call_soon(self._go_on)
                        return
                elif isinstance(step, Pause):
                    self._wait(step)
                    return
                else:
                    self._script = None
                    self._owner.script_ended(step)
                    return
        except Exception:
            # Let through, it would leave the peer waiting (from a timer), or be called the peer's (from the transport).
            log.exception("%s: the site broke off its answer", exchange.fault or "no fault")
            self._owner.script_failed()

    def _write(self, data: Bytes, exchange: Exchange) -> bool:
        """Return whether the system has taken all of it; a peer that has left gets nothing more."""
        if not self._transport.is_closing():
            self._transport.write(data)
            if self.is_blocked:
                self._blocked_bytes = len(data)
                return False
            exchange.sent_bytes += len(data)
        return True

    def _wait(self, pause: Pause) -> None:
        """Wait, counted from when the last pause was due, so that many small ones do not add up to more."""
        now = monotonic()
        self._due = (self._due or now) + pause.seconds
        self._timer = asyncio.get_running_loop().call_later(whole_ms(self._due - now), self._pause_over)

    def _pause_over(self) -> None:
        """Go on, and note how late; a timer that fired early is set again."""
        late_s = monotonic() - self._due
        if late_s < 0:
            self._timer = asyncio.get_running_loop().call_later(whole_ms(-late_s), self._pause_over)
            return
        self._site.lateness.observe(late_s)
        self._go_on()

    def _go_on(self) -> None:
        self._proceed()
        self._owner.ready()

    # A peer that does not take what is sent

    def pause(self) -> None:
        """Wait until the system has taken all of the last write; it takes more than the peer does, as memory allows."""
        self.is_blocked = True
        if not self.unsent.size:
            if self.unsent.pool.left < BLOCKED_BYTES:
                self._hold_little()
            else:
                self.unsent.resize(BLOCKED_BYTES)

    def resume(self) -> None:
        """Go on in the loop's next round: asyncio fails where a transport is closed from within `resume_writing`."""
        self.is_blocked = False
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_soon(self._unblocked)

    def _unblocked(self) -> None:
        if self.is_blocked or self._exchange is None:
            return
        self._exchange.sent_bytes += self._blocked_bytes
        self._blocked_bytes = 0
        self._due = 0.0
        self._go_on()

    def hold_whole(self, size: int) -> None:
        """Let the system take `size` bytes, however few of them the peer does, if there is memory for that."""
        connected = self._transport.get_extra_info("socket")
        unsent = self.unsent
        if connected is not None and size <= unsent.pool.left and unsent.resize(unsent.size + size):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NO_BOUND)

    def _hold_little(self) -> None:
        """Let the system hold as little as it can of answers that the peer does not take; it still gets all of them."""
        connected = self._transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)

    # The end of the stream

    def finish(self, *, cut: bool, both_ways: bool) -> None:
        """Send FIN. `cut`: without TLS's close_notify before it; `both_ways`: nothing more is read, either."""
        transport = raw_transport(self._transport) if cut else self._transport
        if both_ways:
            transport.close()
            return
        with contextlib.suppress(OSError):  # the peer has reset the connection, and the loop tells of that
            transport.write_eof()

    def reset(self, deadline: float) -> None:
        """Send a RST once the peer's system has every byte, or the deadline passes."""
        self._timer = Reset(self._transport, deadline, self._owner.reset_sent)


def raw_transport(transport: asyncio.Transport) -> asyncio.Transport:
    """Return the transport of the loop's own: the one below TLS, where there is TLS."""
    below: asyncio.Transport = transport.get_extra_info("raw_transport", transport)
    return below


def whole_ms(seconds: float) -> float:
    """Return seconds, rounded up to what every loop's timers can count: uvloop rounds down, and would fire early."""
    return math.ceil(seconds * 1000) / 1000
