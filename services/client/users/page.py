"""Where the response to a user's request ends, and what it holds: no I/O, bytes in, a `Page` out.

The head is read by the client's own reader. A page of the hello server is short, so what has come of it is kept whole
and looked at again with each piece; one that is longer than MAX_PAGE_BYTES is no page of it, and ends there.
"""

import re
from dataclasses import dataclass

from services.client.head import Head, HeadReader

MAX_PAGE_BYTES = 4096
MAX_WIRE_BYTES = 8 * MAX_PAGE_BYTES  # of a page in chunks, with what frames them
CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[^\r\n]*\r\n")
NO_BODY = {204, 304}


@dataclass(frozen=True, slots=True)
class Page:
    """A response: `body` is None where it is too long; `is_kept` says whether the connection takes another request."""

    status: int
    body: bytes | None
    is_kept: bool = False


class CutShort(Exception):
    """A response ended before all of its body had come, or its chunks are not framed as they should be."""

    def __init__(self) -> None:
        super().__init__("the page is cut short")


class PageReader:
    """Reads one response. Raises HeadError for a head that is none, and CutShort for a body that is not whole."""

    __slots__ = ("_body", "_head", "_is_chunked", "_is_kept", "_length", "_reader")

    def __init__(self) -> None:
        self._reader = HeadReader()
        self._head: Head | None = None
        self._body = b""
        self._length: int | None = None  # None: the body ends with the connection, or it is in chunks
        self._is_chunked = self._is_kept = False

    def feed(self, data: bytes) -> Page | None:
        """Take the next bytes; return the page once it is whole, or known to be too long."""
        if self._head is None:
            self._head = self._reader.feed(data)
            if self._head is None:
                return None
            self._note_framing(self._head)
            data = self._head.rest
        self._body += data
        if self._is_chunked:
            return self._page_of_chunks(self._head)
        if self._length is not None and len(self._body) >= self._length:
            is_exact = len(self._body) == self._length
            return Page(self._head.status, self._body[: self._length], self._is_kept and is_exact)
        return Page(self._head.status, None) if len(self._body) > MAX_PAGE_BYTES else None

    def eof(self) -> Page:
        """Note that the connection has ended; return the page, if that is where it ends."""
        head = self._reader.eof()
        if self._is_chunked or self._length is not None:
            raise CutShort
        return Page(head.status, self._body)

    def _note_framing(self, head: Head) -> None:
        fields = {name.lower(): value for name, value in head.headers}
        self._is_kept = head.http_version == "HTTP/1.1" and fields.get(b"connection", b"").lower() != b"close"
        if head.status in NO_BODY:
            self._length = 0
        elif coding := fields.get(b"transfer-encoding"):
            self._is_chunked = coding.lower().endswith(b"chunked")
        elif (length := fields.get(b"content-length", b"")).isdigit():
            self._length = int(length[:20])
            if self._length > MAX_PAGE_BYTES:
                self._length = None  # as if it had no end: it is given up

    def _page_of_chunks(self, head: Head) -> Page | None:
        body, position, wire = b"", 0, self._body
        while size := CHUNK_SIZE.match(wire, position):
            begin, length = size.end(), int(size[1], 16)
            position = begin + length + 2
            if length == 0:  # trailers are no part of a page; a connection that has some takes no other request
                is_whole = wire[begin:].startswith(b"\r\n") or b"\r\n\r\n" in wire[begin:]
                return Page(head.status, body, self._is_kept and wire[begin:] == b"\r\n") if is_whole else None
            if position > len(wire):
                break
            body += wire[begin : begin + length]
            if len(body) > MAX_PAGE_BYTES:
                return Page(head.status, None)
        if len(wire) > MAX_WIRE_BYTES:
            return Page(head.status, None)
        return None
