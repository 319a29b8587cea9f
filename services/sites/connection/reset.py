"""A RST: it is sent once the peer's system has acknowledged every byte, since a RST overtakes what is unsent.

SO_LINGER with a time of zero (see `tcp.reset_on_close`) makes the system send a RST, and no FIN, when the socket is
closed; the transport is aborted then, so that nothing else is sent before.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

from services.runtime.sockets.tcp import reset_on_close, unacknowledged_bytes

ACKNOWLEDGED_EVERY_S = 0.001  # how often the system is asked


class Reset:
    """Sends a RST on one transport: when every byte is acknowledged, or at `deadline` (of the monotonic clock).

    `on_sent` is called then, before the loop tells the connection that it is lost.
    """

    __slots__ = ("_deadline", "_on_sent", "_timer", "_transport")

    def __init__(self, transport: asyncio.Transport, deadline: float, on_sent: Callable[[], None]) -> None:
        self._transport = transport
        self._deadline = deadline
        self._on_sent = on_sent
        self._timer: asyncio.Handle | None = None
        self._send_when_acknowledged()

    def cancel(self) -> None:
        """Send nothing: the connection has ended."""
        if self._timer:
            self._timer.cancel()

    def _send_when_acknowledged(self) -> None:
        connected = self._transport.get_extra_info("socket")
        if monotonic() <= self._deadline and unacknowledged_bytes(connected):
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(ACKNOWLEDGED_EVERY_S, self._send_when_acknowledged)
            return
        reset_on_close(connected)
        self._transport.abort()
        self._on_sent()
