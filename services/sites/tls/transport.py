"""The transport that a connection over TLS writes to: what it is given is encrypted, and the rest is the loop's.

close_notify comes before FIN here. A connection that is to send FIN without it ends the transport below.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from services.sites.faults.script import Bytes


class TLSTransport(asyncio.Transport):
    """The transport of a connection over TLS. `raw_transport`, in its extra info, is the loop's transport below."""

    __slots__ = ("_below", "_encrypt", "_send_close_notify")

    def __init__(
        self, below: asyncio.Transport, encrypt: Callable[[Bytes], None], send_close_notify: Callable[[], None]
    ) -> None:
        super().__init__()
        self._below = below
        self._encrypt, self._send_close_notify = encrypt, send_close_notify

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send."""
        self._encrypt(bytes(data) if isinstance(data, bytearray) else data)

    def can_write_eof(self) -> bool:
        """TLS ends each direction by itself."""
        return True

    def write_eof(self) -> None:
        """Send close_notify and FIN."""
        self._send_close_notify()
        self._below.write_eof()

    def close(self) -> None:
        """Send close_notify, and end the stream both ways."""
        self._send_close_notify()
        self._below.close()

    def abort(self) -> None:
        """Drop what is not sent, and close."""
        self._below.abort()

    def is_closing(self) -> bool:
        """Return whether the stream is ended, or about to be."""
        return self._below.is_closing()

    def is_reading(self) -> bool:
        """Return whether what the peer sends is taken."""
        return self._below.is_reading()

    def pause_reading(self) -> None:
        """Let what the peer sends wait in its own system."""
        self._below.pause_reading()

    def resume_reading(self) -> None:
        """Take what the peer sends again."""
        self._below.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set when `pause_writing` is called: by how much the loop's transport holds."""
        self._below.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the loop's transport knows, or that transport itself."""
        return self._below if name == "raw_transport" else self._below.get_extra_info(name, default)
