"""Bytes to and from a connected socket, plain or through TLS, each wait under a deadline.

TLS runs over memory buffers (`ssl.MemoryBIO`), so that both loops do the same and every failure comes from one place.
"""

import socket
import ssl

from services.client.errors import FetchError, fetch_error
from services.client.survey.deadlines import Deadline
from services.client.survey.transport.epoll import READ, WRITE, PolledSocket

RECEIVED_BYTES = 32 * 1024


class Plain:
    """The bytes of a socket as they are.

    A peer may have answered before it has taken a request whole, and may have gone, so that sending fails. What it said
    is there all the same: `send` leaves the rest, or the error, to `receive`, which gives first what has come.
    """

    __slots__ = ("_ahead", "_broken", "_deadline", "_more", "_polled", "_unsent")
    end_is_announced = True  # a FIN is all that TCP has to say

    def __init__(self, polled: PolledSocket, deadline: Deadline) -> None:
        self._polled, self._deadline = polled, deadline
        self._ahead = b""  # received, and put back
        self._more = False  # whether some may have been left to receive
        self._unsent = b""
        self._broken: FetchError | None = None  # why nothing more can be sent

    async def send(self, data: bytes, until_s: float) -> None:
        """Send all of it, or as much as a peer takes before it answers. Raises Expired or SurveyStopped."""
        may_leave = not self._unsent  # once: a peer that always has something to say would let what is unsent grow
        self._unsent += data
        wanted = READ | WRITE if may_leave else WRITE
        while self._push():
            await self._polled.wait(wanted, self._deadline, until_s)
            if wanted != WRITE and (has_data := self._peek()) is not None:
                if has_data:
                    self._polled.set_ready_soon(READ)
                    return
                wanted = WRITE  # the peer has ended, and may take the rest all the same

    def put_back(self, data: bytes) -> None:
        """Let `receive` return this next: it has been received, and is of what follows."""
        self._ahead = data + self._ahead

    def _push(self) -> bool:
        """Send what can be sent now; returns whether some is left."""
        try:
            sent = self._polled.socket.send(self._unsent)
        except BlockingIOError:
            return True
        except OSError as error:
            self._broken = fetch_error(error)
            self._unsent = b""
            return False
        self._unsent = self._unsent[sent:]
        return bool(self._unsent)

    def _peek(self) -> bool | None:
        """Return whether there is something to receive; None where that is not known yet."""
        try:
            return bool(self._polled.socket.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return None
        except OSError:
            return False  # `_push` will meet it, too

    async def receive(self, until_s: float) -> bytes:
        """Return what comes next, b"" at the end of the stream. Raises FetchError (reset), Expired or SurveyStopped."""
        if self._ahead:
            data, self._ahead = self._ahead, b""
            return data
        polled = self._polled
        if self._more:
            polled.set_ready_soon(READ)
        while True:
            if not self._broken:
                await polled.wait(READ | WRITE if self._unsent else READ, self._deadline, until_s)
            if self._unsent:
                self._push()
            try:
                data = polled.socket.recv(RECEIVED_BYTES)
            except BlockingIOError:
                if self._broken:
                    raise self._broken from None
                continue
            except OSError as error:
                raise fetch_error(error) from error
            if not data and self._broken:
                raise self._broken
            self._more = len(data) == RECEIVED_BYTES
            return data


class Tls:
    """Bytes through TLS, once `handshake` is done.

    `end_is_announced`: whether the stream has ended by close_notify (RFC 8446, section 6.1), and not by a FIN
    alone, which any router on the way can send.
    """

    def __init__(self, plain: Plain, context: ssl.SSLContext, host: str) -> None:
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.end_is_announced = False

    async def handshake(self, until_s: float) -> None:
        """Agree on keys. Raises FetchError (tls, reset), ssl.SSLCertVerificationError, Expired or SurveyStopped."""
        while True:
            try:
                self.session.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush(until_s)
                await self._fill(until_s)
            except ssl.SSLCertVerificationError:
                await self._flush(until_s)
                raise
            except ssl.SSLError as error:
                raise FetchError("tls", tls_reason(error)) from error
            else:
                return await self._flush(until_s)

    async def send(self, data: bytes, until_s: float) -> None:
        """Send all of it."""
        try:
            self.session.write(data)
        except ssl.SSLError as error:
            raise FetchError("tls", tls_reason(error)) from error
        await self._flush(until_s)

    async def receive(self, until_s: float) -> bytes:
        """Return what comes next, b"" at the end of the stream."""
        while True:
            try:
                data = self.session.read(RECEIVED_BYTES)
            except ssl.SSLWantReadError:
                await self._flush(until_s)
                await self._fill(until_s)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            except ssl.SSLError as error:
                raise FetchError("tls", tls_reason(error)) from error
            else:
                self.end_is_announced = not data
                return data

    async def _flush(self, until_s: float) -> None:
        if self._outgoing.pending:
            await self._plain.send(self._outgoing.read(), until_s)

    async def _fill(self, until_s: float) -> None:
        if data := await self._plain.receive(until_s):
            self._incoming.write(data)
        else:
            self._incoming.write_eof()


Stream = Plain | Tls


def tls_reason(error: ssl.SSLError) -> str:
    """Return what OpenSSL says went wrong, without its file names and line numbers."""
    if isinstance(error, ssl.SSLEOFError):
        return "the peer closed the connection during the TLS handshake"
    reason = error.reason or str(error)
    return reason.replace("_", " ").lower()
