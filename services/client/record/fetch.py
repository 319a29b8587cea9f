"""Who asks: one connection, one request, and the bytes of the answer, under one deadline and within fixed bounds."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.client.errors import FetchError, fetch_error
from services.client.head import Head, HeadError, HeadReader
from services.client.record.body import Body, Framing
from services.client.record.url import Source
from services.client.topology import Topology

BLOCK_BYTES = 64 * 1024


class CutShort(FetchError):
    """The head came whole, and the body did not; nor is its end one that a site could play."""


@dataclass(frozen=True, slots=True)
class Tls:
    """How a connection was secured; `certificate_sha256` is the fingerprint of the server's certificate."""

    version: str
    cipher: str
    verified: bool
    certificate_sha256: str


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
    tls: Tls | None


@dataclass(frozen=True, slots=True)
class Wish:
    """What to ask and how much to take. `max_body` is None for the head alone; `tls` is for https."""

    source: Source
    request: bytes
    timeout_s: float
    max_body: int | None
    tls: ssl.SSLContext | None


async def fetch(wish: Wish, topology: Topology) -> Response:
    """Return what the source answers. Raises CutShort for a body without its end, FetchError for what else fails."""
    phase = "connect_timeout"
    try:
        async with asyncio.timeout(wish.timeout_s), connected(wish, topology) as (reader, writer):
            phase = "head_timeout"
            writer.write(wish.request)
            head = await read_head(reader)
            phase = ""
            body = await read_body(reader, head, wish.max_body)
    except TimeoutError as error:
        if phase:
            raise FetchError(phase, f"no whole head within {wish.timeout_s:g} s") from error
        raise CutShort("head_timeout", f"the body did not end within {wish.timeout_s:g} s") from error
    except ssl.SSLCertVerificationError as error:
        raise FetchError("certificate", f"{error.verify_message} (--ca FILE or --insecure)") from error
    except ssl.SSLError as error:
        raise FetchError("tls", str(error)) from error
    except OSError as error:
        failed = fetch_error(error)
        raise failed if phase else CutShort(failed.kind, f"within the body: {failed.detail}") from error
    return response(head, body, writer)


@asynccontextmanager
async def connected(wish: Wish, topology: Topology) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect, and let go at once on the way out: nothing that still comes is wanted."""
    source = wish.source
    host, port = await topology.locate(source.host, source.port)
    reader, writer = await asyncio.open_connection(
        host, port, ssl=wish.tls, server_hostname=source.host if wish.tls else None
    )
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def read_head(reader: asyncio.StreamReader) -> Head:
    """Return the final head. Raises FetchError where there is none."""
    heads = HeadReader()
    try:
        while True:
            block = await reader.read(BLOCK_BYTES)
            head = heads.feed(block) if block else heads.eof()
            if head:
                return head
    except HeadError as error:
        raise FetchError(error.kind, error.detail) from error


async def read_body(reader: asyncio.StreamReader, head: Head, max_body: int | None) -> Body | None:
    """Return the body, or None for one that is not wanted or larger than `max_body` bytes.

    A peer that closes within the body has ended it: that is what came, and a site can do the same.
    """
    body = Body(head)
    if max_body is None or (body.declared or 0) > max_body:
        return None
    body.feed(head.rest)
    while not body.complete:
        if len(body.data) > max_body:
            return None
        block = await reader.read(BLOCK_BYTES)
        if block:
            body.feed(block)
        elif body.eof() or body.data:
            break
        else:
            raise CutShort("closed", "the peer closed before the body")
    return body if len(body.data) <= max_body else None


def response(head: Head, body: Body | None, writer: asyncio.StreamWriter) -> Response:
    """Put together what is known of an answer."""
    peer = writer.get_extra_info("peername")
    address = f"[{peer[0]}]:{peer[1]}" if ":" in peer[0] else f"{peer[0]}:{peer[1]}"
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
        address=address,
        tls=tls_of(writer.get_extra_info("ssl_object")),
    )


def tls_of(connection: ssl.SSLObject | None) -> Tls | None:
    """Return how a connection was secured, None if it was not."""
    if connection is None:
        return None
    cipher = connection.cipher()
    certificate = connection.getpeercert(binary_form=True) or b""
    return Tls(
        version=connection.version() or "",
        cipher=cipher[0] if cipher else "",
        verified=connection.context.verify_mode is ssl.CERT_REQUIRED,
        certificate_sha256=hashlib.sha256(certificate).hexdigest(),
    )
