"""Where a response ends: the framing rules of RFC 9112, section 6.3, however the bytes are cut."""

from collections.abc import Iterator

import pytest

from services.client.head import Head, HeadReader
from services.client.record.body import Body, Framing

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH_5 = OK + b"Content-Length: 5\r\n\r\n"

# head, bytes after it, what of them is the body (None: it has not ended), framing
CASES: dict[str, tuple[bytes, bytes, bytes | None, Framing]] = {
    "a length": (LENGTH_5, b"hello", b"hello", Framing.LENGTH),
    "a length, and more came": (LENGTH_5, b"helloHTTP/1.1", b"hello", Framing.LENGTH),
    "a length, and less came": (LENGTH_5, b"hell", None, Framing.LENGTH),
    "a length of nothing": (OK + b"Content-Length: 0\r\n\r\n", b"", b"", Framing.LENGTH),
    "the same length twice": (OK + b"Content-Length: 2, 2\r\nContent-Length: 2\r\n\r\n", b"ab", b"ab", Framing.LENGTH),
    "two lengths": (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n", b"abc", None, Framing.CLOSE),
    "a length that is no number": (OK + b"Content-Length: +2\r\n\r\n", b"ab", None, Framing.CLOSE),
    "chunks": (CHUNKED, b"5\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", Framing.CHUNKED),
    "chunks, and more came": (CHUNKED, b"1\r\na\r\n0\r\n\r\nHTTP", b"1\r\na\r\n0\r\n\r\n", Framing.CHUNKED),
    "chunks with extensions and a trailer": (
        CHUNKED,
        b'A ;x="y"\r\n0123456789\r\n000\r\nX: y\r\n\r\n',
        b'A ;x="y"\r\n0123456789\r\n000\r\nX: y\r\n\r\n',
        Framing.CHUNKED,
    ),
    "chunks with bare LF": (CHUNKED, b"1\na\n0\n\n", b"1\na\n0\n\n", Framing.CHUNKED),
    "chunks without an end": (CHUNKED, b"1\r\na\r\n", None, Framing.CHUNKED),
    "a chunk with no size": (CHUNKED, b"hello\r\n", None, Framing.CLOSE),
    "a chunk longer than it says": (CHUNKED, b"1\r\nab\r\n", None, Framing.CLOSE),
    "both, where chunks win": (
        OK + b"Content-Length: 1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n",
        b"0\r\n\r\n",
        b"0\r\n\r\n",
        Framing.CHUNKED,
    ),
    "a coding that is not chunked": (OK + b"Transfer-Encoding: gzip\r\n\r\n", b"abc", None, Framing.CLOSE),
    "nothing said": (OK + b"\r\n", b"abc", None, Framing.CLOSE),
    "no content": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", b"", b"", Framing.NONE),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"x", b"", Framing.NONE),
}


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """Yield the data whole, in bytes, and cut in two at each place."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for i in range(1, len(data)):
        yield [data[:i], data[i:]]


def head_of(raw: bytes) -> Head:
    """Return the head that these bytes are."""
    head = HeadReader().feed(raw)
    assert head is not None
    return head


@pytest.mark.parametrize(("head", "after", "whole", "framing"), CASES.values(), ids=CASES)
def test_a_body_ends_where_its_framing_says(head: bytes, after: bytes, whole: bytes | None, framing: Framing) -> None:
    """The same end and the same bytes, wherever they are cut."""
    for pieces in cuts(after):
        body = Body(head_of(head))
        for piece in pieces:
            if not body.complete:
                body.feed(piece)
        assert body.complete == (whole is not None)
        assert body.framing is framing
        assert bytes(body.data) == (after if whole is None else whole)


@pytest.mark.parametrize("head", [OK + b"\r\n", OK + b"Transfer-Encoding: gzip\r\n\r\n"])
def test_a_body_without_framing_ends_with_the_stream(head: bytes) -> None:
    """RFC 9112, section 6.3, item 8."""
    body = Body(head_of(head))
    body.feed(b"abc")
    assert body.eof()


@pytest.mark.parametrize(("head", "part"), [(LENGTH_5, b"hell"), (CHUNKED, b"5\r\nhello\r\n"), (CHUNKED, b"")])
def test_a_framed_body_that_stops_early_is_not_whole(head: bytes, part: bytes) -> None:
    """Clients of such a recording would wait for the rest."""
    body = Body(head_of(head))
    body.feed(part)
    assert not body.eof()


def test_a_trailer_is_found_where_it_begins() -> None:
    """Its fields may hold secrets."""
    body = Body(head_of(CHUNKED))
    body.feed(b"1\r\na\r\n0\r\nX-Token: b\r\n\r\n")
    assert body.trailer == 9
