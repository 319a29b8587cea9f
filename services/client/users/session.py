"""Connections to one server, and requests for its pages: no more for each than a protocol and a future.

An HTTP client for every purpose costs several times that for each request, so that with ten thousand users at once the
users' own program is busy, and not the server. Connections are kept and used again, as a browser does.
"""

import asyncio
import ssl
from typing import cast
from urllib.parse import urlsplit

from services.client.head import ClosedError
from services.client.network.resolver import Resolver
from services.client.users.page import Page, PageReader
from services.runtime.http import HTTP_PORT

HTTPS_PORT = 443
REQUEST = "GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: identity\r\nAccept: */*\r\n\r\n"


class Disconnected(ConnectionError):
    """The server ended a connection before any byte of its answer had come."""

    def __init__(self) -> None:
        super().__init__("Server disconnected")


class ConnectFailed(Exception):
    """No connection could be made: `reason` is the system's error."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Connection(asyncio.Protocol):
    """One connection, which is asked for one page at a time. `is_open`: whether it can be asked."""

    __slots__ = ("_answer", "_error", "_reader", "_transport", "is_open")

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._reader = PageReader()
        self._answer: asyncio.Future[Page] | None = None
        self._error: Exception | None = None
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    async def ask(self, request: bytes) -> Page:
        """Send a request and return the page. Raises HeadError, CutShort, Disconnected or OSError."""
        if self._transport is None or not self.is_open:
            raise self._error or Disconnected
        self._reader = PageReader()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            page = await self._answer
        except BaseException:  # with a request that was given up, the next answer would be to that
            self.close()
            raise
        finally:
            self._answer = None
        if not page.is_kept:
            self.close()
        return page

    def close(self) -> None:
        """End the connection."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read on; bytes that were not asked for end the connection."""
        if self._answer is None or self._answer.done():
            self.close()
            return
        try:
            page = self._reader.feed(data)
        except Exception as error:  # it is raised where the page is waited for
            self._answer.set_exception(error)
        else:
            if page is not None:
                self._answer.set_result(page)

    def connection_lost(self, exc: Exception | None) -> None:
        """End what is waited for, by the page or by an error."""
        self.is_open, self._error = False, exc
        if self._answer is None or self._answer.done():
            return
        try:
            if exc is not None:
                raise exc
            self._answer.set_result(self._reader.eof())
        except ClosedError:
            self._answer.set_exception(Disconnected())
        except Exception as error:  # it is raised where the page is waited for
            self._answer.set_exception(error)


class Session:
    """Pages of one origin, through a proxy where there is one. Each request may take `timeout_s`."""

    def __init__(self, origin: str, *, timeout_s: float, proxy: str | None = None) -> None:
        url, self._timeout_s = urlsplit(origin), timeout_s
        self._is_tls = url.scheme == "https"
        self._origin, self._host = ("" if proxy is None else origin.rstrip("/")), url.netloc
        where = urlsplit(proxy) if proxy else url
        self._name, self._port = str(where.hostname), where.port or (HTTPS_PORT if self._is_tls else HTTP_PORT)
        self._server_name = str(url.hostname)
        self._tls: ssl.SSLContext | None = None
        self._resolver = Resolver()
        self._idle: list[Connection] = []

    async def get(self, path: str) -> Page:
        """Return a page.

        Raises TimeoutError, ConnectFailed, HeadError, CutShort, or OSError for a connection that broke.
        """
        request = REQUEST.format(target=f"{self._origin}{path}", host=self._host).encode("ascii")
        async with asyncio.timeout(self._timeout_s):
            while connection := self._take_idle():
                try:
                    return await self._ask(connection, request)
                except (Disconnected, ConnectionResetError):
                    continue  # it was ended while it was idle (RFC 9112, section 9.3.1): another one is asked
            return await self._ask(await self._connect(), request)

    def close(self) -> None:
        """End all connections that are idle."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    def _take_idle(self) -> Connection | None:
        while self._idle:
            if (connection := self._idle.pop()).is_open:
                return connection
        return None

    async def _ask(self, connection: Connection, request: bytes) -> Page:
        page = await connection.ask(request)
        if connection.is_open:
            self._idle.append(connection)
        return page

    async def _connect(self) -> Connection:
        """Return a connection to the first address that takes one. Raises ConnectFailed."""
        loop, tls = asyncio.get_running_loop(), self._context()
        try:
            addresses = self._resolver.known(self._name) or await self._resolver.look_up(self._name)
        except OSError as error:
            raise ConnectFailed(error) from error
        for number, address in enumerate(addresses, start=1):
            try:
                _, connection = await loop.create_connection(
                    Connection, address, self._port, ssl=tls, server_hostname=self._server_name if tls else None
                )
            except OSError as error:
                if number == len(addresses):
                    raise ConnectFailed(error) from error
            else:
                return connection
        raise AssertionError("a name has an address, or its look-up fails")

    def _context(self) -> ssl.SSLContext | None:
        if self._is_tls and self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls
