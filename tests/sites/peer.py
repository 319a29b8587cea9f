"""A peer that speaks bytes: it sends what it is told, and tells what came and how it ended.

Blocking sockets, used in threads: what a client's event loop would hide (bytes before a reset, the kind of an end) is
what these tests are about.
"""

import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

TIMEOUT_S = 20.0

End = Literal["fin", "rst", "open"]


@dataclass(frozen=True, slots=True)
class Heard:
    """The bytes that came, and how the stream ended; "open": enough bytes came, and it did not end."""

    data: bytes
    end: End


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to a host: an address and, over TLS, the context to trust it with."""

    address: tuple[str, int]
    host: str
    context: ssl.SSLContext | None = None

    def connect(self) -> "socket.socket | SecureSocket":
        """Return a connection to the host."""
        connection = socket.create_connection(self.address, timeout=TIMEOUT_S)
        if self.context is None:
            return connection
        try:
            return SecureSocket(connection, self.context, self.host)
        except BaseException:
            connection.close()
            raise

    def get(self, target: str = "/", *, method: str = "GET", fields: str = "") -> bytes:
        """Return a request."""
        return f"{method} {target} HTTP/1.1\r\nHost: {self.host}\r\n{fields}\r\n".encode("latin-1")

    def ask(self, request: bytes | None = None, *, most: int = 1 << 62) -> Heard:
        """Connect, send, and listen until the stream ends or `most` bytes have come."""
        with self.connect() as connection:
            connection.sendall(self.get() if request is None else request)
            return listen(connection, most)

    def ask_then_leave(self, expected_bytes: int) -> Heard:
        """Ask, read until so many bytes have come, end our side, and read on: any further byte is an error."""
        with self.connect() as connection:
            connection.sendall(self.get())
            first = listen(connection, expected_bytes)
            if first.end != "open":
                return first
            connection.shutdown(socket.SHUT_WR)
            rest = listen(connection, 1 << 62)
            return Heard(first.data + rest.data, "open" if rest.end == "fin" else rest.end)


class SecureSocket:
    """TLS over a socket, in which a reset is still a reset: the ssl module's own sockets call it an end."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._socket = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.said_goodbye = False
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                if not self._fill():
                    raise ConnectionAbortedError("the stream ended in the handshake") from None
            finally:
                self._flush()
        self._flush()

    def __enter__(self) -> "SecureSocket":
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def _flush(self) -> None:
        self._socket.sendall(self._outgoing.read())

    def _fill(self) -> bool:
        data = self._socket.recv(65_536)
        self._incoming.write(data)
        return bool(data)

    def sendall(self, data: bytes) -> None:
        """Send bytes."""
        self._tls.write(data)
        self._flush()

    def recv(self, most: int) -> bytes:
        """Return bytes, none at the end of the stream."""
        while True:
            try:
                data = self._tls.read(most)
            except ssl.SSLWantReadError:
                if not self._fill():
                    return b""
            else:
                self.said_goodbye = self.said_goodbye or not data
                if data or not self._fill():
                    return data

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def send_close_notify(self) -> None:
        """Send close_notify, and leave the stream open."""
        with contextlib.suppress(ssl.SSLWantReadError):  # the other side's is yet to come
            self._tls.unwrap()
        self._flush()

    def shutdown(self, how: int) -> None:
        """End our side of the stream."""
        self._socket.shutdown(how)


def listen(connection: socket.socket | SecureSocket, most: int) -> Heard:
    """Read until the stream ends or `most` bytes have come."""
    data = bytearray()
    try:
        while len(data) < most:
            block = connection.recv(min(65_536, most - len(data)))
            if not block:
                return Heard(bytes(data), "fin")
            data += block
    except ConnectionResetError:
        return Heard(bytes(data), "rst")
    return Heard(bytes(data), "open")


Expected = Callable[[bytes, bytes], bytes]
