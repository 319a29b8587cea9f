"""One TCP connection, as the proxy uses it: what to send, whether to read, and how to end.

uvloop raises an error for any use of a transport that is being closed, so that each method does nothing then.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import cast

from services.gateway.proxy.settings import BUFFER_BYTES
from services.runtime.sockets.tcp import reset_on_close, unacknowledged_bytes

ACKNOWLEDGED_EVERY_S = 0.01  # how often the system is asked


class Stream:
    """A connection, from before it is made until after it is lost.

    `has_ended`: the peer's FIN came; `is_finished`: our FIN is sent, or about to be.
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._asking: asyncio.TimerHandle | None = None
        self.has_ended = self.is_finished = False

    def begin(self, transport: asyncio.BaseTransport) -> None:
        """Take note that the connection is made."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._transport.set_write_buffer_limits(high=BUFFER_BYTES)

    def lose(self) -> None:
        """Take note that the connection is lost."""
        self._transport = None
        if self._asking:
            self._asking.cancel()

    @property
    def is_there(self) -> bool:
        """Whether it is made and not lost."""
        return self._transport is not None

    @property
    def is_open(self) -> bool:
        """Whether it is made, and not being closed."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def unsent_bytes(self) -> int:
        """How many bytes the system has yet to take."""
        return self._transport.get_write_buffer_size() if self._transport else 0

    @property
    def unacknowledged_bytes(self) -> int:
        """How many bytes the peer's system has yet to acknowledge."""
        if not self._transport or self._transport.is_closing():
            return 0
        return self.unsent_bytes or unacknowledged_bytes(self._socket(self._transport))

    def when_acknowledged(self, then: Callable[[], None]) -> None:
        """Call `then` once the peer's system has every byte, at once or later, unless the connection is lost before."""
        if self.unacknowledged_bytes:
            loop = asyncio.get_running_loop()
            self._asking = loop.call_later(ACKNOWLEDGED_EVERY_S, self.when_acknowledged, then)
        else:
            then()

    def send(self, data: bytes) -> None:
        """Send bytes, unless FIN was sent."""
        if self._transport and data and not (self.is_finished or self._transport.is_closing()):
            self._transport.write(data)

    def finish(self) -> None:
        """Send FIN after all bytes; the other direction stays open."""
        if self._transport and not (self.is_finished or self._transport.is_closing()):
            self.is_finished = True
            with contextlib.suppress(OSError):  # the peer has reset the connection, and the loop tells of that
                self._transport.write_eof()

    def set_reading(self, *, on: bool) -> None:
        """Read on, or not; a peer that has ended has no more to be read."""
        if self._transport and not (self.has_ended or self._transport.is_closing()):
            if on:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def close(self) -> None:
        """End both directions, once all bytes are sent."""
        if self._transport:
            self._transport.close()

    def reset(self) -> None:
        """End the connection with RST; bytes that are not sent are dropped."""
        if self._transport:
            reset_on_close(self._socket(self._transport))
            self._transport.abort()

    @staticmethod
    def _socket(transport: asyncio.Transport) -> socket.socket:
        connected: socket.socket = transport.get_extra_info("socket")
        return connected
