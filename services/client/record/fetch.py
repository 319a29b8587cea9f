"""One connection, one request, and the bytes of the response, under one deadline and within fixed bounds.

The bytes come through the streams of the survey (`survey.transport.stream`), plain or TLS: the same on both loops, and
none lost. Their end tells whether the peer announced it.
"""

import hashlib
import ssl
import time
from dataclasses import dataclass

from services.client.errors import FetchError
from services.client.head import Head, HeadError, HeadReader
from services.client.network.resolver import Resolver
from services.client.record.body import Body, Framing
from services.client.record.fetch_request import FetchRequest
from services.client.survey.deadlines import Deadline, DeadlineSweeper, Expired
from services.client.survey.fetch.address_filter import AddressFilter
from services.client.survey.fetch.lookup import Lookup
from services.client.survey.transport.connect import LocalLimit, connect
from services.client.survey.transport.epoll import Poller
from services.client.survey.transport.sockets import SocketAddress, Sockets
from services.client.survey.transport.stream import Plain, Stream, Tls
from services.client.survey.transport.tunnel import ask_for_tunnel
from services.client.topology import Topology


class CutShort(FetchError):
    """The head came whole, and the body did not; nor is its end one that a site could play."""


@dataclass(frozen=True, slots=True)
class TLSSession:
    """How a connection was secured; `certificate_sha256` is the fingerprint of the server's certificate."""

    version: str
    cipher: str
    verified: bool
    certificate_sha256: str


@dataclass(frozen=True, slots=True)
class Connection:
    """A stream to a source, the address that it goes to, and how it was secured, if it was."""

    stream: Stream
    address: SocketAddress
    tls: TLSSession | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What came. `head` holds interim heads too; `framing` is empty where only the head was wanted or fitted.

    `whole`: whether the body ended where its framing says, and not where the peer closed.
    """

    status: int
    head: bytes
    body: bytes
    trailer: int | None
    framing: str
    declared: int | None
    surplus: int
    whole: bool
    address: str
    tls: TLSSession | None


async def fetch(request: FetchRequest, topology: Topology) -> Response:
    """Return what the source answers. Raises CutShort for a body without its end, FetchError for what else fails."""
    with Poller() as poller, DeadlineSweeper() as sweeper:
        until_s = time.monotonic() + request.timeout_s
        connection = await connect_to_source(
            request, topology, sockets=Sockets(poller), deadline=sweeper.deadline(), until_s=until_s
        )
        stream = connection.stream
        try:
            await stream.send(request.request, until_s)
            head = await read_head(stream, until_s)
        except Expired as error:
            raise FetchError("head_timeout", f"no whole head within {request.timeout_s:g} s") from error
        try:
            body = await read_body(stream, head, request.max_body, until_s)
        except Expired as error:
            raise CutShort("head_timeout", f"the body did not end within {request.timeout_s:g} s") from error
        except FetchError as error:
            raise CutShort(error.kind, f"within the body: {error.detail}") from error
    return response(head, body, connection)


async def connect_to_source(
    request: FetchRequest, topology: Topology, *, sockets: Sockets, deadline: Deadline, until_s: float
) -> Connection:
    """Return a connection to the source, which ends with the poller of `sockets`. Raises FetchError."""
    source = request.source
    found = await Lookup(Resolver(), topology, AddressFilter()).addresses(source, deadline, until_s=until_s)
    if found.error:
        raise found.error
    try:
        polled, address = await connect(sockets, found.addresses, deadline, until_s)
        plain = Plain(polled, deadline)
        if found.is_gateway:
            await ask_for_tunnel(plain, source.host, source.port, until_s)
        if request.tls is None:
            return Connection(plain, address)
        stream = await secured(plain, request.tls, source.host, until_s)
        return Connection(stream, address, session_of(stream.session))
    except LocalLimit as error:
        raise FetchError("unreachable", f"this machine is at its limits: {error}") from error
    except Expired as error:
        raise FetchError("connect_timeout", f"no connection within {request.timeout_s:g} s") from error


async def secured(plain: Plain, context: ssl.SSLContext, host: str, until_s: float) -> Tls:
    """Return a stream through TLS. Raises FetchError (tls, certificate, reset) or Expired."""
    stream = Tls(plain, context, host)
    try:
        await stream.handshake(until_s)
    except ssl.SSLCertVerificationError as error:
        raise FetchError("certificate", f"{error.verify_message} (--ca FILE or --insecure)") from error
    return stream


async def read_head(stream: Stream, until_s: float) -> Head:
    """Return the final head. Raises FetchError where there is none, or Expired."""
    heads = HeadReader()
    try:
        while True:
            block = await stream.receive(until_s)
            head = heads.feed(block) if block else heads.eof()
            if head:
                return head
    except HeadError as error:
        raise FetchError(error.kind, error.detail) from error


async def read_body(stream: Stream, head: Head, max_body: int | None, until_s: float) -> Body | None:
    """Return the body, or None for one that is not wanted or larger than `max_body` bytes.

    A peer that closes within the body has ended it: that is what came, and a site can do the same. A body that only the
    end of the stream ends is whole where the peer said that it ends it; over TLS, a FIN alone, which any router on the
    way can send, does not say so (RFC 9112, section 9.8). Raises FetchError or Expired.
    """
    body = Body(head)
    if max_body is None or (body.declared or 0) > max_body:
        return None
    body.feed(head.rest)
    while not body.complete:
        if len(body.data) > max_body:
            return None
        block = await stream.receive(until_s)
        if block:
            body.feed(block)
            continue
        if not (body.eof(announced=stream.end_is_announced) or body.data or body.framing is Framing.CLOSE):
            raise FetchError("closed", "the peer closed before it began")
        break
    return body if len(body.data) <= max_body else None


def response(head: Head, body: Body | None, connection: Connection) -> Response:
    """Return what is kept of a response."""
    framing, declared = (body.framing, body.declared) if body else (None, Body(head).declared)
    return Response(
        status=head.status,
        head=b"".join(each.raw for each in (*head.interim, head)),
        body=bytes(body.data) if body else b"",
        trailer=body.trailer if body and framing is Framing.CHUNKED else None,
        framing=framing or "",
        declared=declared,
        surplus=body.surplus if body else 0,
        whole=body is None or body.complete,
        address=str(connection.address),
        tls=connection.tls,
    )


def session_of(session: ssl.SSLObject) -> TLSSession:
    """Return how a connection was secured; OpenSSL no longer says so once it has ended."""
    cipher = session.cipher()
    certificate = session.getpeercert(binary_form=True) or b""
    return TLSSession(
        version=session.version() or "",
        cipher=cipher[0] if cipher else "",
        verified=session.context.verify_mode is ssl.CERT_REQUIRED,
        certificate_sha256=hashlib.sha256(certificate).hexdigest(),
    )
