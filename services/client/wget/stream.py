"""Bytes to and from a connected socket, plain or through TLS, each wait under a watch.

TLS runs over memory buffers (`ssl.MemoryBIO`), so that both loops do the same and every failure comes from one place.
"""

import asyncio
import socket
import ssl

from services.client.errors import FetchError, fetch_error
from services.client.wget.watch import Watch, release

RECEIVED_BYTES = 32 * 1024


class Plain:
    """A socket's own bytes."""

    __slots__ = ("_fd", "_loop", "_socket", "_watch")

    def __init__(self, connection: socket.socket, watch: Watch) -> None:
        self._socket, self._watch = connection, watch
        self._fd = connection.fileno()
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes, until_s: float) -> None:
        """Send all of it. Raises FetchError (reset), Expired or CutOff."""
        while True:
            try:
                data = data[self._socket.send(data) :]
            except BlockingIOError:
                pass
            except OSError as error:
                raise fetch_error(error) from error
            if not data:
                return
            writable: asyncio.Future[None] = self._loop.create_future()
            self._loop.add_writer(self._fd, release, writable)
            try:
                await self._watch.wait(writable, until_s)
            finally:
                self._loop.remove_writer(self._fd)

    async def receive(self, until_s: float) -> bytes:
        """Return what comes next, b"" at the end of the stream. Raises FetchError (reset), Expired or CutOff."""
        while True:
            readable: asyncio.Future[None] = self._loop.create_future()
            self._loop.add_reader(self._fd, release, readable)
            try:
                await self._watch.wait(readable, until_s)
            finally:
                self._loop.remove_reader(self._fd)
            try:
                return self._socket.recv(RECEIVED_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:
                raise fetch_error(error) from error


class Tls:
    """Bytes through TLS, once `handshake` is done."""

    def __init__(self, plain: Plain, context: ssl.SSLContext, host: str) -> None:
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    async def handshake(self, until_s: float) -> None:
        """Agree on keys. Raises FetchError (tls, reset), ssl.SSLCertVerificationError, Expired or CutOff."""
        while True:
            try:
                self.session.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush(until_s)
                await self._fill(until_s)
            except ssl.SSLCertVerificationError:
                await self._flush(until_s)  # the alert that says why
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
                return self.session.read(RECEIVED_BYTES)
            except ssl.SSLWantReadError:
                await self._flush(until_s)
                await self._fill(until_s)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""  # with or without a close_notify: the head reader judges whether it is whole
            except ssl.SSLError as error:
                raise FetchError("tls", tls_reason(error)) from error

    async def _flush(self, until_s: float) -> None:
        if self._outgoing.pending:
            await self._plain.send(self._outgoing.read(), until_s)

    async def _fill(self, until_s: float) -> None:
        if data := await self._plain.receive(until_s):
            self._incoming.write(data)
        else:
            self._incoming.write_eof()


def tls_reason(error: ssl.SSLError) -> str:
    """Return what OpenSSL says went wrong, without its file names and line numbers."""
    if isinstance(error, ssl.SSLEOFError):
        return "the peer closed the connection during the TLS handshake"
    reason = error.reason or str(error)
    return reason.replace("_", " ").lower()
