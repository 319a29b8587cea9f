"""The bytes that a peer has sent and that are not answered yet: their memory is bounded, also behind an answer.

A few kilobytes are free. For more, the site's buffers are charged; behind an answer that is on its way no more is read
then, so that the rest waits with the peer. Where the buffers are spent, the connection is overdrawn: what came before
is answered, and then the peer is refused.
"""

import asyncio
import socket

from services.runtime.serving.listen import RECEIVE_BYTES
from services.runtime.serving.memory_pool import MemoryPool, Share
from services.sites.budget import FREE_BYTES
from services.sites.http.request import RequestReader

MAX_AHEAD_BYTES = FREE_BYTES  # what may wait while an answer is on its way; no more is read then
HELD_IN_SYSTEM_BYTES = 2 * RECEIVE_BYTES  # what the system may have of a peer that is not read from


class Unread:
    """The requests that a peer has sent, up to the one that is answered now.

    `is_overdrawn`: there was no memory for all of it, and nothing more is taken.
    """

    __slots__ = ("_is_paused", "_transport", "is_overdrawn", "reader", "share")

    def __init__(self, transport: asyncio.Transport, buffers: MemoryPool) -> None:
        self._transport = transport
        self._is_paused = False
        self.reader = RequestReader()
        self.share = Share(buffers)
        self.is_overdrawn = False

    def charge(self, *, answering: bool) -> bool:
        """Charge for what waits, and read on or not; return False where there is no memory for it.

        `answering`: an answer is on its way, and what waits has to wait for its end.
        """
        more_bytes = self.reader.held_bytes - MAX_AHEAD_BYTES
        if more_bytes <= 0:
            self.share.release()
            self._resume()
            return True
        if answering:
            self._pause()
            more_bytes += HELD_IN_SYSTEM_BYTES
        else:
            self._resume()
        if self.share.resize(more_bytes):
            return True
        self.share.release()
        self.is_overdrawn = True
        return False

    def keep_what_is_free(self) -> None:
        """Drop what there is no memory for, here and in the system; what is free is answered first."""
        del self.reader.buffer[MAX_AHEAD_BYTES:]
        self._pause()
        connected = self._transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)

    def drop(self) -> None:
        """Forget what is not to be answered; go on reading, so that it is noticed when the peer leaves."""
        self.reader.forget()
        self.share.release()
        self._resume()

    def _resume(self) -> None:
        """Take what the peer sends again."""
        if self._is_paused and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()

    def _pause(self) -> None:
        """Let what the peer sends wait in its own system."""
        if not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
