"""Servers of raw bytes, with any ending: one thread, blocking sockets, and TLS in memory.

An event loop's own TLS decides for itself when to say close_notify and what becomes of bytes before a reset.
"""

import asyncio
import fcntl
import select
import socket
import ssl
import struct
import termios
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from typing import Literal, TypeVar

import trustme

LOOPBACK = "127.0.0.1"
TIMEOUT_S = 20.0
BLOCK_BYTES = 64 * 1024
A_MOMENT_MS = 1

T = TypeVar("T")
Ending = Literal["close_notify", "fin", "rst"]


def server_context(*names: str) -> ssl.SSLContext:
    """Return the context of a server of these names; its certificate is of a new authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(*names).configure_cert(context)
    return context


class Connection:
    """One connection to the server: `session` is over memory, and what it has to say goes out by `flush`."""

    def __init__(self, connected: socket.socket, context: ssl.SSLContext) -> None:
        self.socket = connected
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def handshake(self) -> None:
        """Shake hands. Raises ssl.SSLError; an alert to send is in `outgoing`."""
        self._until_done(self.session.do_handshake)

    def read(self) -> bytes:
        """Return what comes next, b"" at the end."""
        return self._until_done(lambda: self.session.read(BLOCK_BYTES))

    def _until_done(self, act: Callable[[], bytes | None]) -> bytes:
        while True:
            try:
                result = act()
            except ssl.SSLWantReadError:
                self.flush()
                if not (data := self.socket.recv(BLOCK_BYTES)):
                    raise ConnectionAbortedError("the client has gone") from None
                self.incoming.write(data)
            else:
                self.flush()
                return result or b""

    def send(self, data: bytes) -> None:
        """Send bytes through TLS."""
        for start in range(0, len(data), BLOCK_BYTES):
            self.session.write(data[start : start + BLOCK_BYTES])
            self.flush()

    def flush(self) -> None:
        """Send what TLS has to say."""
        self.socket.sendall(self.outgoing.read())

    def end(self, how: Ending) -> None:
        """End the stream; a reset comes after all bytes have arrived, since it takes what has not with it."""
        if how == "close_notify":
            with suppress(ssl.SSLWantReadError):
                self.session.unwrap()
            self.flush()
        if how == "rst":
            wait_until_arrived(self.socket)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
            return
        self.socket.shutdown(socket.SHUT_WR)
        while self.socket.recv(BLOCK_BYTES):  # unread bytes would make the end a reset
            pass


def wait_until_arrived(connected: socket.socket) -> None:
    """Wait until the peer's kernel has acknowledged every byte, or the peer has gone."""
    gone = select.poll()
    gone.register(connected, 0)  # what is told all the same is a reset
    while struct.unpack("i", fcntl.ioctl(connected.fileno(), termios.TIOCOUTQ, bytes(4)))[0]:
        if gone.poll(A_MOMENT_MS):
            return


@contextmanager
def tls_server(context: ssl.SSLContext, serve: Callable[[Connection], None]) -> Iterator[tuple[str, int]]:
    """Serve each connection in turn; yields the address. A client that leaves ends only its own connection."""
    with plain_server(lambda connected: serve(Connection(connected, context))) as address:
        yield address


@asynccontextmanager
async def beside_loop(manager: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave a context manager in a thread: it may wait for another one."""
    value = await asyncio.to_thread(manager.__enter__)
    try:
        yield value
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


@contextmanager
def plain_server(serve: Callable[[socket.socket], None]) -> Iterator[tuple[str, int]]:
    """Serve each connection in turn, without TLS; yields the address."""

    def accept() -> None:
        while True:
            try:
                connected, _ = listener.accept()
            except OSError:
                return
            connected.settimeout(TIMEOUT_S)
            with connected, suppress(OSError):  # ssl.SSLError is one
                serve(connected)

    with socket.create_server((LOOPBACK, 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(TIMEOUT_S)
