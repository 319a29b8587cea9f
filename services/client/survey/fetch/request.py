"""One request: connection, TLS, the request's bytes, the response's head; then the connection is dropped.

Each phase has its deadline, and turns the end of its wait into an error that names the phase.
"""

import ssl
import time
from collections.abc import Sequence
from typing import NamedTuple

from services.client.errors import FetchError, fetch_error
from services.client.head import Head, HeadError, HeadReader, WholeHeads
from services.client.survey.deadlines import Expired, SurveyStopped
from services.client.survey.fetch.lookup import LookupResult
from services.client.survey.fetch.policy import CANCELLED, FetchContext, FetchPolicy
from services.client.survey.fetch.request_fields import request_head
from services.client.survey.results.tls import TlsJson, tls_json
from services.client.survey.transport.connect import LocalLimit, connect
from services.client.survey.transport.epoll import PolledSocket
from services.client.survey.transport.sockets import SocketAddress, Sockets
from services.client.survey.transport.stream import Plain, Tls
from services.client.survey.transport.tls import TLSContexts
from services.client.survey.transport.tunnel import ask_for_tunnel
from services.client.url.url import Url

ALWAYS = ("Accept", "*/*"), ("Connection", "close")
LOCAL_LIMIT_PAUSE_S = 0.05


class Attempt(NamedTuple):
    """The result of one look-up and, if that gave addresses, of one request: a head, or an error.

    `ip` was connected to, or would have been. Times are in seconds, None for a phase that was not reached; that of a
    phase that failed is how long it took to fail.
    """

    head: Head | None = None
    error: FetchError | None = None
    ip: str | None = None
    tls: TlsJson | None = None
    dns_s: float | None = None
    connect_s: float | None = None
    tls_s: float | None = None
    head_s: float | None = None

    def ended_by(self, error: FetchError) -> "Attempt":
        """Return the attempt with this error in place of what it came to."""
        return self._replace(head=None, error=error)


def without_request(lookup: LookupResult, error: FetchError) -> Attempt:
    """Return what an attempt came to that ended, by an error, before its request."""
    ip = lookup.addresses[0].ip if lookup.addresses else None
    return Attempt(error=error, ip=ip, dns_s=lookup.took_s)


class HeadRequest:
    """One request for a head, to be sent once; a phase that ends, however it ends, leaves its time."""

    __slots__ = (
        "_address",
        "_connect_s",
        "_connection",
        "_deadline",
        "_head_s",
        "_heads",
        "_is_elsewhere",
        "_is_gateway",
        "_policy",
        "_sockets",
        "_tls",
        "_tls_contexts",
        "_tls_s",
        "_trace",
        "_until_s",
        "_url",
    )

    def __init__(
        self,
        policy: FetchPolicy,
        context: FetchContext,
        *,
        sockets: Sockets,
        tls_contexts: TLSContexts,
        heads: WholeHeads,
    ) -> None:
        self._policy, self._sockets, self._tls_contexts, self._heads = policy, sockets, tls_contexts, heads
        self._url, self._is_elsewhere = context.url, context.is_elsewhere
        self._deadline, self._until_s = context.deadline, context.until_s
        self._trace = context.trace
        self._is_gateway = False
        self._connection: PolledSocket | None = None
        self._address: SocketAddress | None = None
        self._tls: TlsJson | None = None
        self._connect_s: float | None = None
        self._tls_s: float | None = None
        self._head_s: float | None = None

    async def attempt(self, lookup: LookupResult) -> Attempt:
        """Send the request to the first of the addresses that answers, and return what it came to."""
        head = error = None
        self._is_gateway = lookup.is_gateway
        try:
            plain = await self._connect(lookup.addresses)
            stream = await self._secure(plain) if self._url.scheme == "https" else plain
            head = await self._read(stream)
        except SurveyStopped:
            error = FetchError(*CANCELLED)
        except (FetchError, OSError) as problem:  # whatever a host brings about is in its record, and ends nothing else
            # The traceback would keep this frame, and with it the error itself, until the next garbage collection.
            error = fetch_error(problem).with_traceback(None)
        finally:
            self._drop()
        ip = (self._address or lookup.addresses[0]).ip
        return Attempt(head, error, ip, self._tls, lookup.took_s, self._connect_s, self._tls_s, self._head_s)

    def _drop(self) -> None:
        """Drop the connection; its socket may be used again."""
        if self._connection is not None and self._address is not None:
            self._sockets.release(self._connection, self._address)
            self._connection = None

    async def _connect(self, addresses: Sequence[SocketAddress]) -> Plain:
        began = time.monotonic()
        try:
            self._connection, self._address = await self._connected(addresses)
            plain = Plain(self._connection, self._deadline)
            if self._is_gateway:
                until_s = min(began + self._policy.connect_s, self._until_s)
                await ask_for_tunnel(plain, self._url.host, self._url.port, until_s)
        except Expired as error:
            within = self._within(self._policy.connect_s)
            raise FetchError("connect_timeout", f"no connection within {within}") from error
        finally:
            self._connect_s = time.monotonic() - began
            self._trace.phase("connect", began)
        return plain

    async def _connected(self, addresses: Sequence[SocketAddress]) -> tuple[PolledSocket, SocketAddress]:
        """Connect; where this machine has no file or port left, wait until other fetches have given some back.

        That is a local limit, so it does not count as the connection's time; but the target's deadline ends it.
        """
        while True:
            try:
                until_s = min(time.monotonic() + self._policy.connect_s, self._until_s)
                return await connect(self._sockets, addresses, self._deadline, until_s)
            except FetchError as error:
                if self._is_gateway:
                    raise FetchError("unreachable", f"the lab's gateway does not answer ({error})") from error
                raise
            except LocalLimit as error:
                if time.monotonic() + LOCAL_LIMIT_PAUSE_S >= self._until_s:
                    raise FetchError("unreachable", f"this machine is at its limits: {error}") from error
            await self._deadline.sleep(LOCAL_LIMIT_PAUSE_S)

    async def _secure(self, plain: Plain) -> Tls:
        """Return the stream through TLS; a certificate that is not trusted ends it, or is noted."""
        began = time.monotonic()
        until_s = min(began + self._policy.connect_s, self._until_s)
        try:
            return await self._handshake(plain, until_s)
        except Expired as error:
            within = self._within(self._policy.connect_s)
            raise FetchError("connect_timeout", f"no TLS session within {within}") from error
        finally:
            self._tls_s = time.monotonic() - began
            self._trace.phase("tls", began)

    async def _handshake(self, plain: Plain, until_s: float) -> Tls:
        host = self._url.host.removesuffix(".")
        stream = Tls(plain, self._tls_contexts.verifying(), host)
        distrust = None
        try:
            await stream.handshake(until_s)
        except ssl.SSLCertVerificationError as error:
            distrust = error.verify_message or str(error)
            if not self._tls_contexts.insecure:
                raise FetchError("certificate", distrust) from error
            stream = Tls(await self._connect_again(), self._tls_contexts.unverified(), host)
            await stream.handshake(until_s)
        self._tls = tls_json(stream.session, distrust)
        return stream

    async def _connect_again(self) -> Plain:
        """Connect to the same address: OpenSSL gives up a session whose certificate it does not trust."""
        assert self._address is not None  # noqa: S101 - for mypy
        self._drop()
        return await self._connect([self._address])

    async def _read(self, stream: Plain | Tls) -> Head:
        began = time.monotonic()
        until_s = min(began + self._policy.head_s, self._until_s)
        phase, since_s = "send", began
        try:
            await stream.send(request_bytes(self._url, self._policy, is_elsewhere=self._is_elsewhere), until_s)
            phase, since_s = "first byte", self._trace.phase(phase, since_s)
            data = await stream.receive(until_s)
            phase, since_s = "head", self._trace.phase("first byte", since_s)
            return self._heads.read(data) or await self._read_on(stream, data, until_s)
        except HeadError as error:
            raise FetchError(error.kind, f"at byte {error.offset}: {error.detail}") from error
        except Expired as error:
            raise FetchError("head_timeout", f"no whole head within {self._within(self._policy.head_s)}") from error
        finally:
            self._head_s = time.monotonic() - began
            self._trace.phase(phase, since_s)

    async def _read_on(self, stream: Plain | Tls, data: bytes, until_s: float) -> Head:
        """Read a head that did not come whole and clean; `data` is what came first."""
        reader = HeadReader(limits=self._policy.limits, strict=self._policy.strict)
        while True:
            head = reader.feed(data) if data else reader.eof()
            if head is not None:
                return head
            data = await stream.receive(until_s)

    def _within(self, limit_s: float) -> str:
        """Return which deadline has passed: that of the phase, or that of the whole target."""
        if time.monotonic() >= self._until_s:
            return f"the total of {self._policy.total_s:g} s"
        return f"{limit_s:g} s"


def request_bytes(url: Url, policy: FetchPolicy, *, is_elsewhere: bool = False) -> bytes:
    """Return the bytes that ask for a URL (RFC 9112, section 3)."""
    if given := policy.fields_elsewhere if is_elsewhere else policy.fields:
        usual = ("Host", url.authority), ("User-Agent", policy.user_agent), *ALWAYS
        return request_head(policy.method, url.path, usual, given)
    return (
        f"{policy.method} {url.path} HTTP/1.1\r\nHost: {url.authority}\r\nUser-Agent: {policy.user_agent}\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    ).encode("latin-1")
