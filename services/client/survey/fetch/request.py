"""One request: connection, TLS, the request's bytes, the response's head; then the connection is dropped.

Each phase has its deadline, and turns the end of its wait into an error that names the phase.
"""

import ssl
import time
from dataclasses import dataclass, field

from services.client.errors import FetchError
from services.client.head import Head, HeadError, HeadReader, Limits
from services.client.survey.deadlines import Deadline, Expired
from services.client.survey.fetch.request_fields import Fields, request_head
from services.client.survey.results.record import Record
from services.client.survey.transport.connect import LocalLimit, connect
from services.client.survey.transport.epoll import Channel
from services.client.survey.transport.sockets import SocketAddress, Sockets
from services.client.survey.transport.stream import Plain, Tls
from services.client.survey.transport.tls import TLSContexts, describe
from services.client.url.url import Url

USER_AGENT = "asynclab"
ALWAYS = ("Accept", "*/*"), ("Connection", "close")
SHORTAGE_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """How each target is treated. Times in seconds; `total_s` holds for redirects and retries together.

    `path` is for targets that name none; `fields` go to the origin of the target, `fields_elsewhere` to any other.
    """

    total_s: float = 10.0
    connect_s: float = 5.0
    head_s: float = 10.0
    retries: int = 0
    follow: bool = False
    max_redirects: int = 10
    strict: bool = False
    user_agent: str = USER_AGENT
    method: str = "GET"
    path: str = "/"
    fields: Fields = ()
    fields_elsewhere: Fields = ()
    limits: Limits = field(default_factory=Limits)


@dataclass(slots=True)
class FetchContext:
    """A worker's state while it has a target: its watch, the target's deadline, and whether a redirect led away."""

    watch: Deadline
    until_s: float
    is_elsewhere: bool = False


class HeadRequest:
    """One request, as `manners` have it; `record` takes the times, the address and the TLS session."""

    __slots__ = ("_channel", "_connected_to", "_manners", "_record", "_sockets", "_trust", "_turn")

    def __init__(
        self, manners: FetchPolicy, sockets: Sockets, trust: TLSContexts, record: Record, turn: FetchContext
    ) -> None:
        self._sockets = sockets
        self._manners, self._trust, self._record, self._turn = manners, trust, record, turn
        self._channel: Channel | None = None
        self._connected_to: SocketAddress | None = None

    async def head(self, url: Url, addresses: list[SocketAddress]) -> Head:
        """Return the head of one response. Raises FetchError or CutOff."""
        try:
            stream: Plain | Tls = await self._connect(addresses)
            if url.scheme == "https":
                stream = await self._secure(stream, url)
            return await self._read(stream, request(url, self._manners, is_elsewhere=self._turn.is_elsewhere))
        finally:
            self._close()

    def _close(self) -> None:
        if self._channel is not None and self._connected_to is not None:
            self._sockets.give(self._channel, self._connected_to)
            self._channel = None

    async def _connect(self, addresses: list[SocketAddress]) -> Plain:
        began = time.monotonic()
        try:
            self._channel, self._connected_to = await self._connected(addresses)
        except Expired as error:
            raise FetchError(
                "connect_timeout", f"no connection within {self._within(self._manners.connect_s)}"
            ) from error
        finally:
            self._record.connect_s = time.monotonic() - began
        self._record.ip = self._connected_to.ip
        return Plain(self._channel, self._turn.watch)

    async def _connected(self, addresses: list[SocketAddress]) -> tuple[Channel, SocketAddress]:
        """Connect; where this machine has no file or port left, wait until other fetches have given some back.

        That is our own limit, so it does not count as the connection's time; but the target's deadline ends it.
        """
        turn = self._turn
        while True:
            try:
                until_s = min(time.monotonic() + self._manners.connect_s, turn.until_s)
                return await connect(self._sockets, addresses, turn.watch, until_s)
            except LocalLimit as error:
                if time.monotonic() + SHORTAGE_PAUSE_S >= turn.until_s:
                    raise FetchError("unreachable", f"this machine is at its limits: {error}") from error
            await turn.watch.sleep(SHORTAGE_PAUSE_S)

    async def _secure(self, plain: Plain | Tls, url: Url) -> Tls:
        """Return the stream through TLS; a certificate that is not trusted ends it, or is noted."""
        began = time.monotonic()
        until_s = min(began + self._manners.connect_s, self._turn.until_s)
        try:
            return await self._handshake(plain, url, until_s)
        except Expired as error:
            within = self._within(self._manners.connect_s)
            raise FetchError("connect_timeout", f"no TLS session within {within}") from error
        finally:
            self._record.tls_s = time.monotonic() - began

    async def _handshake(self, plain: Plain | Tls, url: Url, until_s: float) -> Tls:
        host = url.host.removesuffix(".")
        assert isinstance(plain, Plain)  # noqa: S101 - for mypy
        stream = Tls(plain, self._trust.verifying(), host)
        distrust = None
        try:
            await stream.handshake(until_s)
        except ssl.SSLCertVerificationError as error:
            distrust = error.verify_message or str(error)
            if not self._trust.insecure:
                raise FetchError("certificate", distrust) from error
            stream = Tls(await self._connect_again(), self._trust.blind(), host)
            await stream.handshake(until_s)
        self._record.tls = describe(stream.session, distrust)
        return stream

    async def _connect_again(self) -> Plain:
        """Connect to the same address: OpenSSL gives up a session whose certificate it does not trust."""
        assert self._connected_to is not None  # noqa: S101 - for mypy
        self._close()
        return await self._connect([self._connected_to])

    async def _read(self, stream: Plain | Tls, request: bytes) -> Head:
        began = time.monotonic()
        until_s = min(began + self._manners.head_s, self._turn.until_s)
        reader = HeadReader(limits=self._manners.limits, strict=self._manners.strict)
        try:
            await stream.send(request, until_s)
            head = None
            while head is None:
                data = await stream.receive(until_s)
                head = reader.feed(data) if data else reader.eof()
        except HeadError as error:
            raise FetchError(error.kind, f"at byte {error.offset}: {error.detail}") from error
        except Expired as error:
            raise FetchError("head_timeout", f"no whole head within {self._within(self._manners.head_s)}") from error
        finally:
            self._record.head_s = time.monotonic() - began
        return head

    def _within(self, limit_s: float) -> str:
        """Return which deadline has passed: a phase's own, or the total."""
        if time.monotonic() >= self._turn.until_s:
            return f"the total of {self._manners.total_s:g} s"
        return f"{limit_s:g} s"


def request(url: Url, manners: FetchPolicy, *, is_elsewhere: bool = False) -> bytes:
    """Return the bytes that ask for a URL (RFC 9112, section 3)."""
    if given := manners.fields_elsewhere if is_elsewhere else manners.fields:
        usual = ("Host", url.authority), ("User-Agent", manners.user_agent), *ALWAYS
        return request_head(manners.method, url.path, usual, given)
    return (
        f"{manners.method} {url.path} HTTP/1.1\r\nHost: {url.authority}\r\nUser-Agent: {manners.user_agent}\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    ).encode("latin-1")
