"""Where a response ends: a table of bytes in, a page out."""

import pytest

from services.client.head import HeadError
from services.client.users.page import MAX_PAGE_BYTES, MAX_WIRE_BYTES, CutShort, Page, PageReader

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LONG = b"x" * (MAX_PAGE_BYTES + 1)
CASES = {
    "a length": (OK + b"Content-Length: 2\r\n\r\nhi", Page(200, b"hi", is_kept=True)),
    "an empty body": (OK + b"Content-Length: 0\r\n\r\n", Page(200, b"", is_kept=True)),
    "no body by its status": (b"HTTP/1.1 204 No Content\r\n\r\n", Page(204, b"", is_kept=True)),
    "the connection ends": (OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi", Page(200, b"hi")),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", Page(200, b"hi")),
    "chunks": (CHUNKED + b"1;a=b\r\nh\r\n1\r\ni\r\n0\r\n\r\n", Page(200, b"hi", is_kept=True)),
    "trailers": (CHUNKED + b"2\r\nhi\r\n0\r\nA: b\r\n\r\n", Page(200, b"hi")),
    "an interim head": (
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi",
        Page(200, b"hi", is_kept=True),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("wire", "page"), CASES.values(), ids=CASES)
def test_a_page_ends_where_its_framing_says(wire: bytes, page: Page) -> None:
    """In one piece and byte by byte; no byte before the last makes it whole."""
    assert PageReader().feed(wire) == page
    reader = PageReader()
    assert [reader.feed(wire[at : at + 1]) for at in range(len(wire))] == [None] * (len(wire) - 1) + [page]


def test_bytes_after_a_page_end_its_connection() -> None:
    """They were not asked for, so what follows cannot be told from an answer."""
    assert PageReader().feed(OK + b"Content-Length: 2\r\n\r\nhi!") == Page(200, b"hi")


def test_a_page_without_framing_ends_with_its_connection() -> None:
    """RFC 9112, section 6.3."""
    reader = PageReader()
    assert reader.feed(OK + b"\r\nhi") is None
    assert reader.eof() == Page(200, b"hi")


@pytest.mark.parametrize(
    "wire",
    [
        OK + b"\r\n" + LONG,
        OK + b"Content-Length: 999999\r\n\r\n" + LONG,
        OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(LONG), LONG),
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"z" * (MAX_WIRE_BYTES + 1),
    ],
    ids=["no length", "a length", "chunks", "chunks that are none"],
)
def test_a_page_that_is_too_long_is_given_up(wire: bytes) -> None:
    """Its body is None, and its connection takes no other request."""
    assert PageReader().feed(wire) == Page(200, None)


@pytest.mark.parametrize("framing", [b"Content-Length: 3", b"Transfer-Encoding: chunked"])
def test_a_page_that_is_cut_short_is_none(framing: bytes) -> None:
    """The connection ended before the body did."""
    reader = PageReader()
    assert reader.feed(OK + framing + b"\r\n\r\n2\r") is None
    with pytest.raises(CutShort):
        reader.eof()


def test_what_is_no_head_is_an_error() -> None:
    """That of the client's head reader."""
    with pytest.raises(HeadError):
        PageReader().feed(b"<html>\r\n\r\n")
