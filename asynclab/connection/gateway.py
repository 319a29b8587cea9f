"""Requests to the lab's gateway: its own pages, and the admin API of every host by the host's name.

A request to a host is in absolute form (RFC 9112, section 3.2.2), so the gateway passes it on. Connections stay
open and are used again. Each call has one deadline for all of it, which http.client alone does not offer: there, a peer
that sends a byte from time to time would hold a test for ever. Calls may come from any thread.
"""

import errno
import io
import os
import socket
import threading
from http.client import HTTPException, HTTPResponse
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlsplit

from asynclab.errors import NotALab, TooManyOpenFiles

__tracebackhide__ = True

ADMIN_PORT = 8081
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_IDLE = 8
NO_FILES = {errno.EMFILE, errno.ENFILE}
IDEMPOTENT = ("GET", "PUT", "DELETE")


class Unreachable(Exception):
    """No whole answer came. The text is the reason, in a few words."""


class NotHttp(Exception):
    """What came is no answer in HTTP. The text is the reason, in a few words."""


class Answer(NamedTuple):
    """The answer to a request."""

    status: int
    body: bytes


class DeadlineReader(io.RawIOBase):
    """Reads a socket until a deadline."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._connection, self._until = connection, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        self._connection.settimeout(left(self._until))
        return self._connection.recv_into(buffer)


class Readable(NamedTuple):
    """What http.client asks of a socket: a file to read the answer from."""

    reader: io.RawIOBase

    def makefile(self, *_mode: object) -> io.BufferedReader:
        return io.BufferedReader(self.reader)


def left(until: float) -> float:
    """Return the seconds until a deadline. Raises TimeoutError after it."""
    seconds = until - monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


class Gateway:
    """The gateway at a URL. `timeout_s`: how long a call may take, all in all."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self.url, self.timeout_s = url, timeout_s
        self._address, self.authority = read_address(url)
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []
        self._process = os.getpid()

    @property
    def is_loopback(self) -> bool:
        """Whether its URL leads to this machine itself."""
        host = self._address[0]
        return host in {"localhost", "::1"} or host.startswith("127.")

    def call(
        self, method: str, path: str, body: bytes = b"", *, host: str = "", media_type: str = "application/json"
    ) -> Answer:
        """Send a request to the admin side of a host, or to the gateway itself, and return the answer.

        `media_type`: of the body. Raises Unreachable, NotHttp or TooManyOpenFiles.
        """
        authority = f"{host}:{ADMIN_PORT}" if host else self.authority
        target = f"http://{authority}{path}" if host else path
        request = (
            f"{method} {target} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: asynclab\r\n"
            f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode("latin-1") + body
        until = monotonic() + self.timeout_s
        try:
            return self._call(request, method, until)
        except TimeoutError as error:
            raise Unreachable(f"no whole answer within {self.timeout_s:g} s") from error
        except (ConnectionError, UnicodeError) as error:  # http.client's own error for an end is both of the first two
            raise Unreachable(getattr(error, "strerror", None) or str(error)) from error
        except HTTPException as error:
            raise NotHttp("it does not answer in HTTP") from error
        except OSError as error:
            if error.errno in NO_FILES:
                raise TooManyOpenFiles(error.strerror or str(error)) from error
            raise Unreachable(error.strerror or str(error)) from error

    def _call(self, request: bytes, method: str, until: float) -> Answer:
        connection = self._take()
        if connection:
            try:
                return self._exchange(connection, request, method, until)
            except (ConnectionError, HTTPException):  # the gateway has closed it meanwhile
                if method not in IDEMPOTENT:
                    raise
        connection = socket.create_connection(self._address, left(until))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._exchange(connection, request, method, until)

    def _exchange(self, connection: socket.socket, request: bytes, method: str, until: float) -> Answer:
        stays_open = False
        try:
            connection.settimeout(left(until))
            connection.sendall(request)
            with HTTPResponse(Readable(DeadlineReader(connection, until)), method=method) as response:  # type: ignore[arg-type]
                response.begin()
                body = response.read(MAX_ANSWER_BYTES)
                stays_open = response.isclosed() and not response.will_close
                if response.length or len(body) == MAX_ANSWER_BYTES:
                    raise HTTPException("an answer that is cut short, or has no end")
                return Answer(response.status, body)
        finally:
            if stays_open:
                self._give_back(connection)
            else:
                connection.close()

    def _take(self) -> socket.socket | None:
        """Return an open connection that waits for a request; None if there is none."""
        with self._lock:
            if self._process != os.getpid():  # after a fork, the connections are the parent's
                self._idle, self._process = [], os.getpid()
            while self._idle:
                connection = self._idle.pop()
                if is_waiting(connection):
                    return connection
                connection.close()
        return None

    def _give_back(self, connection: socket.socket) -> None:
        with self._lock:
            if len(self._idle) < MAX_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close the connections that wait for a request."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()


def is_waiting(connection: socket.socket) -> bool:
    """Return whether an idle connection is still open: nothing has come, not even its end."""
    connection.setblocking(False)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def read_address(url: str) -> tuple[tuple[str, int], str]:
    """Return the address in a URL, and HOST:PORT as the Host field has it. Raises NotALab."""
    shape = NotALab(repr(url), "it is not of the form http://127.0.0.1:3128")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise shape from error
    if (
        not url.isascii()
        or parts.scheme != "http"
        or not host
        or parts.path not in {"", "/"}
        or parts.query
        or "@" in parts.netloc
    ):
        raise shape
    return (host, port or 80), parts.netloc
