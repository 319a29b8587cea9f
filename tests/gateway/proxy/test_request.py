"""The reader of heads and bodies: tables of bytes in, and heads, lengths or refusals out."""

import pytest

from services.gateway.proxy.messages.body import MAX_LINE_BYTES, Body
from services.gateway.proxy.messages.request import (
    MAX_FIELDS,
    MAX_HEAD_BYTES,
    HeadReader,
    Refused,
    RequestHead,
    read_head,
)

LINE = b"GET http://keep.test/ HTTP/1.1\r\n"


def head(*lines: bytes) -> bytes:
    """Return a head with these field lines."""
    return LINE + b"".join(each + b"\r\n" for each in lines) + b"\r\n"


@pytest.mark.parametrize(
    ("lines", "size"),
    [
        ([], 0),
        ([b"Host: keep.test"], 0),
        ([b"Content-Length: 0"], 0),
        ([b"Content-Length: 17"], 17),
        ([b"CONTENT-LENGTH:17"], 17),
        ([b"Content-Length:  17\t"], 17),
        ([b"Transfer-Encoding: chunked"], None),
        ([b"transfer-encoding: CHUNKED"], None),
        ([b"X: \xe9\xff", b"X:", b"X:   "], 0),
    ],
    ids=repr,
)
def test_a_head_says_how_long_its_body_is(lines: list[bytes], size: int | None) -> None:
    """RFC 9112, section 6.3."""
    found = read_head(head(*lines))
    assert found.body_bytes == size
    assert found.raw[found.fields_begin :] == head(*lines)[len(LINE) :]


BAD_HEADS = {
    "bare LFs throughout": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "a bare LF, and not whole": (b"GET / HTTP/1.1\n", 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\n", 505),
    "HTTP/0.9 in words": (b"GET / HTTP/0.9\r\n\r\n", 505),
    "two spaces": (b"GET  / HTTP/1.1\r\n\r\n", 400),
    "a space in the target": (b"GET /a b HTTP/1.1\r\n\r\n", 400),
    "a tab": (b"GET\t/ HTTP/1.1\r\n\r\n", 400),
    "NUL in the target": (b"GET /\0 HTTP/1.1\r\n\r\n", 400),
    "a bare LF after the request line": (b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    "a bare LF after a field": (head(b"A: b\nContent-Length: 5"), 400),
    "a bare CR in a value": (head(b"A: b\rc"), 400),
    "NUL in a value": (head(b"A: b\0"), 400),
    "a folded line": (head(b"A: b", b" c"), 400),
    "a folded line at the beginning": (head(b" A: b"), 400),
    "a space before the colon": (head(b"Content-Length : 5"), 400),
    "no colon": (head(b"Content-Length"), 400),
    "no name": (head(b": 5"), 400),
    "both lengths": (head(b"Content-Length: 5", b"Transfer-Encoding: chunked"), 400),
    "both lengths, the other way round": (head(b"Transfer-Encoding: chunked", b"Content-Length: 5"), 400),
    "two lengths that differ": (head(b"Content-Length: 5", b"Content-Length: 6"), 400),
    "two lengths that are the same": (head(b"Content-Length: 5", b"Content-Length: 5"), 400),
    "a list of lengths": (head(b"Content-Length: 5, 5"), 400),
    "a signed length": (head(b"Content-Length: +5"), 400),
    "a negative length": (head(b"Content-Length: -5"), 400),
    "a length in hexadecimal": (head(b"Content-Length: 0x5"), 400),
    "a length with an underline": (head(b"Content-Length: 1_0"), 400),
    "a length that is empty": (head(b"Content-Length:"), 400),
    "a length of very many digits": (head(b"Content-Length: " + b"0" * 5000 + b"1"), 400),
    "chunked twice": (head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 501),
    "chunked and another": (head(b"Transfer-Encoding: gzip, chunked"), 501),
    "identity": (head(b"Transfer-Encoding: identity"), 501),
    "a coding that looks like chunked": (head(b"Transfer-Encoding: xchunked"), 501),
    "chunked with a vertical tab": (head(b"Transfer-Encoding: \x0bchunked"), 400),
    "chunked in HTTP/1.0": (b"POST http://a/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "too many fields": (head(*[b"A: b"] * (MAX_FIELDS + 1)), 431),
    "a long method": (b"M" * 33 + b" / HTTP/1.1\r\n\r\n", 400),
}


@pytest.mark.parametrize(("raw", "status"), BAD_HEADS.values(), ids=BAD_HEADS)
def test_a_head_that_can_be_read_in_two_ways_is_refused(raw: bytes, status: int) -> None:
    """What the gateway passes on, a site reads again: both have to find the same end of a request."""
    reader = HeadReader()
    reader.feed(raw)
    with pytest.raises(Refused) as refused:
        reader.next_head()
    assert refused.value.status == status
    assert "\n" not in refused.value.reason


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
def test_heads_are_the_same_in_pieces(piece: int) -> None:
    """However the bytes come, and with what follows them."""
    first, second = head(b"Host: keep.test"), head(b"A: b")
    raw = b"\r\n\r\n" + first + b"\r\n" + second + b"rest"
    reader = HeadReader()
    found: list[RequestHead] = []
    for begin in range(0, len(raw), piece):
        reader.feed(raw[begin : begin + piece])
        while each := reader.next_head():
            found.append(each)
    assert [each.raw for each in found] == [first, second]
    assert reader.rest() == b"rest"
    assert reader.rest() == b""


@pytest.mark.parametrize(
    "raw", [b"\x16\x03\x01\x02\x00", b"\0", b" GET / HTTP/1.1", b"SSH-2.0-x\r\n", b"GET\t/", b"\n"], ids=repr
)
def test_what_is_not_http_is_refused_at_once(raw: bytes) -> None:
    """A TLS ClientHello, for one, never ends as a head does."""
    reader = HeadReader()
    reader.feed(raw)
    with pytest.raises(Refused) as refused:
        reader.next_head()
    assert refused.value.status == 400


def test_a_head_has_a_limit() -> None:
    """It is refused as soon as the limit is reached, and one byte before it is not."""
    reader = HeadReader()
    reader.feed(LINE + b"A: " + b"a" * (MAX_HEAD_BYTES - len(LINE) - 4))
    assert reader.next_head() is None
    reader.feed(b"a")
    with pytest.raises(Refused) as refused:
        reader.next_head()
    assert refused.value.status == 431


CHUNKED = b"5\r\nhello\r\n0A;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
BODIES: dict[str, tuple[int | None, bytes]] = {
    "none": (0, b""),
    "a length": (12, b"0123456789ab"),
    "chunks": (None, CHUNKED),
    "no chunk": (None, b"0\r\n\r\n"),
    "zeros": (None, b"000\r\n\r\n"),
    "a space after the size": (None, b"1 \r\nx\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("piece", [1, 2, 3, 1000])
@pytest.mark.parametrize(("size", "raw"), BODIES.values(), ids=BODIES)
def test_a_body_ends_where_it_says(size: int | None, raw: bytes, piece: int) -> None:
    """What follows belongs to the next request, however the bytes come."""
    body, data, taken = Body(size), raw + b"GET / HTTP/1.1", 0
    for begin in range(0, len(data), piece):
        came = data[begin : begin + piece]
        took = body.take(came)
        taken += took
        if took < len(came):
            break
    assert body.is_complete
    assert taken == len(raw)


BAD_CHUNKS = {
    "no size": b"\r\nhello",
    "a size that is none": b"5x\r\nhello\r\n",
    "a signed size": b"+5\r\nhello\r\n",
    "a size with 0x": b"0x5\r\nhello\r\n",
    "a size with a bare LF": b"5\nhello\r\n",
    "a bare LF after the data": b"5\r\nhello\n0\r\n\r\n",
    "more data than the size": b"5\r\nhello!\r\n",
    "a CR in an extension": b"5;a\rb\r\nhello\r\n",
    "a size of very many digits": b"1" * 13 + b"\r\n",
    "a trailer without a colon": b"0\r\nx\r\n\r\n",
    "a folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
    "a bare LF at the end": b"0\r\n\n",
    "a line without an end": b"5;" + b"a" * MAX_LINE_BYTES,
}


@pytest.mark.parametrize("raw", BAD_CHUNKS.values(), ids=BAD_CHUNKS)
def test_chunks_that_can_be_read_in_two_ways_are_refused(raw: bytes) -> None:
    """Whole, and byte by byte."""
    with pytest.raises(Refused):
        Body(None).take(raw)
    with pytest.raises(Refused):
        take_bytewise(Body(None), raw)


def take_bytewise(body: Body, raw: bytes) -> None:
    """Take a body byte by byte."""
    for each in raw:
        assert body.take(bytes([each])) == 1
