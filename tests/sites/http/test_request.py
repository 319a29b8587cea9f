"""Requests read without I/O: cut at any byte, and with bodies that look like a next request."""

import pytest

from services.sites.http.request import Request, RequestReader
from services.sites.http.response import Refused

HEAD = b"POST / HTTP/1.1\r\nHost: keep.test\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def requests_in(*pieces: bytes) -> list[Request]:
    """Return the requests in bytes that come in these pieces. Raises Refused."""
    reader = RequestReader()
    found = []
    for piece in pieces:
        reader.feed(piece)
        while request := reader.next_request():
            found.append(request)
    assert not reader.buffer
    return found


WHOLE = {
    "empty lines first": b"\r\n\n\r\n" + HEAD + b"\r\n",
    "a length": HEAD + b"Content-Length: 3\r\n\r\nabc",
    "chunks": CHUNKED + b"3\r\nabc\r\n02;ext=1\r\n\r\n\r\n0\r\n\r\n",
    "chunks with bare LF": CHUNKED + b"3\nabc\n0\n\n",
    "trailer fields": CHUNKED + b"3\r\nabc\r\n0\r\nA: b\r\nC: d\r\n\r\n",
}


@pytest.mark.parametrize("raw", WHOLE.values(), ids=WHOLE)
def test_a_request_is_the_same_wherever_it_is_cut(raw: bytes) -> None:
    """Packets may end at any byte: the CR of an empty line may come without its LF."""
    together = requests_in(raw)
    assert len(together) == 1
    assert requests_in(*(raw[at : at + 1] for at in range(len(raw)))) == together
    assert requests_in(raw + raw) == together * 2


SMUGGLED = {
    "data longer than its chunk": (400, CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n"),
    "a size that follows data at once": (400, CHUNKED + b"3\r\nabc0\r\n\r\n"),
    "an empty line before a size": (400, CHUNKED + b"\r\n0\r\n\r\n"),
    "two line ends after data": (400, CHUNKED + b"3\r\nabc\r\n\r\n0\r\n\r\n"),
    "spaces for a line end": (400, CHUNKED + b"3\r\nabc \t\r\n0\r\n\r\n"),
    "a coding behind a vertical tab": (501, HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n"),
    "a coding before a no-break space": (501, HEAD + b"Transfer-Encoding: chunked\xa0\r\n\r\n"),
    "a length behind a form feed": (400, HEAD + b"Content-Length: \x0c3\r\n\r\n"),
    "a host before a no-break space": (400, b"GET / HTTP/1.1\r\nHost: keep.test\xa0\r\n\r\n"),
}


@pytest.mark.parametrize(("status", "raw"), SMUGGLED.values(), ids=SMUGGLED)
def test_what_two_readers_would_frame_apart_is_refused(status: int, raw: bytes) -> None:
    """RFC 9112, sections 5 and 7.1: only SP and HTAB are around a value, and each chunk ends with CRLF."""
    with pytest.raises(Refused) as caught:
        requests_in(raw)
    assert caught.value.status == status


@pytest.mark.parametrize(("version", "persistent"), [(b"1.0", False), (b"1.1", True)])
def test_a_coding_in_http_1_0_ends_the_connection(version: bytes, persistent: bool) -> None:
    """RFC 9112, section 6.1: an older hop may have read another end of the request."""
    raw = CHUNKED.replace(b"1.1", version, 1).replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n")
    (request,) = requests_in(raw + b"0\r\n\r\n")
    assert (request.persistent, request.last) == (persistent, False)
