"""What a client sends, without I/O: heads, and the bodies between them. What is passed on is not held."""

from services.gateway.proxy.messages.body import Body
from services.gateway.proxy.messages.request import HeadReader, RequestHead


class Incoming:
    """The bytes of one client, up to the request that is passed on now.

    `head_since`: when a head began that is not whole, in seconds of the loop's clock; 0 where there is none.
    `head_only`: whether the last head was of a HEAD request.
    """

    def __init__(self) -> None:
        self.head_since = 0.0
        self.head_only = False
        self._reader = HeadReader()
        self._body = Body(0)

    def feed(self, data: bytes) -> None:
        """Add what the client sent."""
        self._reader.feed(data)

    def rest(self) -> bytes:
        """Return all bytes that are held, and hold none of them any more."""
        self.head_since = 0.0
        return self._reader.rest()

    def body(self) -> bytes:
        """Return what has come of a request's body. Raises Refused for chunks that are none."""
        if self._body.is_complete or not len(self._reader):
            return b""
        data = self._reader.rest()
        taken = self._body.take(data)
        self._reader.feed(data[taken:])
        return data[:taken]

    def next_head(self) -> RequestHead | None:
        """Return the next head once the last body is whole, None while it lacks bytes. Raises Refused."""
        head = self._reader.next_head() if self._body.is_complete else None
        if head:
            self._body = Body(head.body_bytes)
            self.head_only = head.method == b"HEAD"
        return head

    def note_time(self, now: float, *, is_reading: bool) -> None:
        """Note since when a head is not whole. `is_reading`: no head has to wait before it is read."""
        if not len(self._reader) or not is_reading:
            self.head_since = 0.0
        elif not self.head_since:
            self.head_since = now

    def is_late(self, now: float, longest_s: float) -> bool:
        """Return whether a head that is not whole has taken too long."""
        return bool(self.head_since) and now - self.head_since > longest_s
