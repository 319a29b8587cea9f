"""Bytes to and from a connected socket, plain or through TLS, each wait under a watch.

TLS runs over memory buffers (`ssl.MemoryBIO`), so that both loops do the same and every failure comes from one place.
"""

import ssl
from contextlib import suppress

from services.client.errors import FetchError, fetch_error
from services.client.wget.poll import READ, WRITE, Channel
from services.client.wget.watch import Watch

RECEIVED_BYTES = 32 * 1024


class Plain:
    """A channel's own bytes."""

    __slots__ = ("_channel", "_more", "_watch")
    end_is_announced = True  # a FIN is all that TCP has to say

    def __init__(self, channel: Channel, watch: Watch) -> None:
        self._channel, self._watch = channel, watch
        self._more = False  # whether some may have been left to receive

    async def send(self, data: bytes, until_s: float) -> None:
        """Send all of it. Raises FetchError (reset), Expired or CutOff."""
        while True:
            try:
                sent = self._channel.socket.send(data)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                raise fetch_error(error) from error
            if sent == len(data):
                return
            data = data[sent:]
            await self._channel.wait(WRITE, self._watch, until_s)

    async def receive(self, until_s: float) -> bytes:
        """Return what comes next, b"" at the end of the stream. Raises FetchError (reset), Expired or CutOff."""
        channel = self._channel
        if self._more:
            channel.again(READ)
        while True:
            await channel.wait(READ, self._watch, until_s)
            try:
                data = channel.socket.recv(RECEIVED_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:
                raise fetch_error(error) from error
            self._more = len(data) == RECEIVED_BYTES
            return data


class Tls:
    """Bytes through TLS, once `handshake` is done.

    `end_is_announced`: whether the stream has ended by close_notify (RFC 8446, section 6.1), and not by a FIN
    alone, which anybody on the way can send.
    """

    def __init__(self, plain: Plain, context: ssl.SSLContext, host: str) -> None:
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.end_is_announced = False

    async def handshake(self, until_s: float) -> None:
        """Agree on keys. Raises FetchError (tls, reset), ssl.SSLCertVerificationError, Expired or CutOff."""
        while True:
            try:
                self.session.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush(until_s)
                await self._fill(until_s)
            except ssl.SSLCertVerificationError:
                with suppress(FetchError):  # who has gone already is not told why
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
