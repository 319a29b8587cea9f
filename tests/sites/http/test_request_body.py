"""Bodies of requests: counted, hashed, and kept for their first bytes, however they come in pieces."""

import hashlib
from collections.abc import Mapping

import pytest

from services.sites.http.request import MAX_BODY_BYTES, RequestReader
from services.sites.http.request_body import START_BYTES, IncomingBody, RequestBody
from services.sites.http.response import Refused

CONTENT = bytes(range(256)) * 500


def with_length(content: bytes, fields: bytes = b"") -> bytes:
    """Return a request with a body whose length is said."""
    return b"POST /a HTTP/1.1\r\nHost: a.test\r\n%sContent-Length: %d\r\n\r\n%s" % (fields, len(content), content)


def in_chunks(*chunks: bytes, trailers: bytes = b"") -> bytes:
    """Return a request with a chunked body."""
    coded = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n%s0\r\n%s\r\n" % (coded, trailers)


def body_of(content: bytes) -> RequestBody | None:
    """Return what is to be known of a body."""
    return RequestBody(len(content), hashlib.sha256(content).digest(), content[:START_BYTES]) if content else None


def read(data: bytes, *, piece_bytes: int) -> list[RequestBody | None]:
    """Return the bodies of the requests in what comes in pieces."""
    reader = RequestReader()
    bodies = []
    for at in range(0, len(data), piece_bytes):
        reader.feed(data[at : at + piece_bytes])
        while request := reader.next_request():
            bodies.append(request.body.so_far() if request.body else None)
    assert not reader
    assert reader.held_bytes == 0
    return bodies


WHOLE: Mapping[str, tuple[bytes, bytes]] = {
    "none": (b"GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n", b""),
    "a length of 0": (with_length(b""), b""),
    "a length": (with_length(b"hello"), b"hello"),
    "a large one": (with_length(CONTENT), CONTENT),
    "as large as is kept": (with_length(CONTENT[:START_BYTES]), CONTENT[:START_BYTES]),
    "no chunks": (in_chunks(), b""),
    "chunks": (in_chunks(b"he", b"l", b"lo"), b"hello"),
    "chunks and trailers": (in_chunks(b"hello", trailers=b"X: y\r\nZ: 0\r\n"), b"hello"),
    "large chunks": (in_chunks(CONTENT[:1000], CONTENT[1000:70_000], CONTENT[70_000:]), CONTENT),
    "content that looks like chunks": (in_chunks(b"0\r\n\r\n", b"5\r\n"), b"0\r\n\r\n5\r\n"),
    "in an encoding": (with_length(b"\x1f\x8b...", b"Content-Encoding: gzip\r\n"), b"\x1f\x8b..."),
    "HTTP/1.0": (b"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nok", b"ok"),
}


@pytest.mark.parametrize("piece_bytes", [1, 7, 4096, 1 << 20])
@pytest.mark.parametrize(("raw", "content"), WHOLE.values(), ids=WHOLE)
def test_a_body_is_its_content(raw: bytes, content: bytes, piece_bytes: int) -> None:
    """Without the chunked coding; the same in whichever pieces it comes, and for each request of several."""
    at_least = len(raw) // 5_000  # of a large one, so that it takes no longer than a small one
    assert read(raw * 3, piece_bytes=max(piece_bytes, at_least)) == [body_of(content)] * 3


BEGUN: Mapping[str, tuple[bytes, bytes]] = {
    "a head alone": (with_length(b"hello")[:-5], b""),
    "a part": (with_length(b"hello")[:-2], b"hel"),
    "a part of a chunk": (in_chunks(b"he", b"llo")[: -len(b"lo\r\n0\r\n\r\n")], b"hel"),
    "all but the last chunk": (in_chunks(b"hello")[: -len(b"0\r\n\r\n")], b"hello"),
}


@pytest.mark.parametrize(("raw", "content"), BEGUN.values(), ids=BEGUN)
def test_what_has_come_of_a_body_is_known_before_it_is_whole(raw: bytes, content: bytes) -> None:
    """For the entry of a connection that ends there; and it is charged for."""
    reader = RequestReader()
    reader.feed(raw)
    assert reader.next_request() is None
    assert reader.begun_body == body_of(content)
    assert reader.held_bytes == len(content)
    reader.forget_body()
    assert (reader.begun_body, reader.held_bytes) == (None, 0)


def test_a_body_over_the_limit_is_refused_and_what_came_is_known() -> None:
    """A length at once, chunks when they pass it: with their framing, since sizes cost too."""
    reader = RequestReader()
    reader.feed(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1))
    with pytest.raises(Refused, match="at most"):
        reader.next_request()
    reader = RequestReader()
    reader.feed(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = bytes(100_000)
    for _ in range(MAX_BODY_BYTES // len(chunk)):
        reader.feed(b"186A0\r\n%s\r\n" % chunk)
        assert reader.next_request() is None
    assert reader.held_bytes == START_BYTES
    reader.feed(b"186A0\r\n")
    with pytest.raises(Refused, match="at most"):
        reader.next_request()
    body = reader.begun_body
    assert body is not None
    assert (body.size, len(body.start)) == (MAX_BODY_BYTES // len(chunk) * len(chunk), START_BYTES)


def test_no_more_than_the_first_bytes_are_held() -> None:
    """Of any body, and all of a small one."""
    incoming = IncomingBody()
    for _ in range(100):
        incoming.add(bytes(1_000))
        assert len(incoming.start) == min(incoming.size, START_BYTES)
