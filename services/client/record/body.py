"""Where a response ends (RFC 9112, section 6.3), found without I/O: bytes in, the end's offset out.

The bytes are counted, never changed: a chunked body stays chunked. Framing that contradicts itself is read until the
peer closes, as is a chunked body that breaks its own rules: what came is what came.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

from services.client.head import Head
from services.client.head.head import Field

BODILESS = {101, 204, 304}
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
TRAILER_END = re.compile(rb"(?:\A|\n)\r?\n")
MAX_LINE_BYTES = 16 * 1024
MAX_TRAILER_BYTES = 256 * 1024


class Framing(StrEnum):
    """What tells where the body ends."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


class Body:
    """Collects one response's body; `data` holds what came, `surplus` how much of it is not the body's.

    `declared` is the Content-Length, None where another framing counts. `trailer` is where a chunked body's trailer
    section begins, once that is known.
    """

    def __init__(self, head: Head) -> None:
        self.framing, self.declared = framing_of(head)
        self.data = bytearray()
        self.surplus = 0
        self.trailer: int | None = None
        self.complete = self.framing is Framing.NONE or self.declared == 0
        self._position = 0  # the next chunk, where there are chunks

    def feed(self, data: bytes) -> None:
        """Take the next bytes; `complete` says whether the body has ended."""
        self.data += data
        end = self._end()
        if end is not None:
            self.complete = True
            self.surplus = len(self.data) - end
            del self.data[end:]

    def eof(self, *, announced: bool = True) -> bool:
        """Say that no more bytes will come; returns whether the body is whole.

        `announced`: whether the peer itself said so, which over TLS it does by close_notify (RFC 9112, section 9.8).
        """
        self.complete = self.complete or (announced and self.framing is Framing.CLOSE)
        return self.complete

    def _end(self) -> int | None:
        match self.framing:
            case Framing.NONE:
                return 0
            case Framing.LENGTH:
                return self.declared if self.declared is not None and len(self.data) >= self.declared else None
            case Framing.CHUNKED:
                return self._last_chunk_end()
            case Framing.CLOSE:
                return None

    def _last_chunk_end(self) -> int | None:
        """Go on from chunk to chunk (RFC 9112, section 7.1) and return where the last one's trailer ends."""
        while self.trailer is None:
            size = CHUNK_SIZE.match(self.data, self._position)
            if not size:
                line_ended = self.data.find(b"\n", self._position, self._position + MAX_LINE_BYTES) >= 0
                if line_ended or len(self.data) - self._position >= MAX_LINE_BYTES:
                    self.framing = Framing.CLOSE
                return None
            length = int(size[1], 16)
            if length == 0:
                self.trailer = size.end()
                break
            line_end = self._after_chunk(size.end() + length)
            if line_end is None:
                return None
            self._position = line_end
        return self._trailer_end(self.trailer)

    def _after_chunk(self, end: int) -> int | None:
        """Return where the line end after a chunk's data stops; without one, the framing is no longer chunked."""
        after = bytes(self.data[end : end + 2])
        if after[:1] == b"\n":
            return end + 1
        if after == b"\r\n":
            return end + 2
        if not b"\r\n".startswith(after):
            self.framing = Framing.CLOSE
        return None

    def _trailer_end(self, start: int) -> int | None:
        found = TRAILER_END.search(bytes(self.data[start : start + MAX_TRAILER_BYTES]))
        if found:
            return start + found.end()
        if len(self.data) - start >= MAX_TRAILER_BYTES:
            self.framing = Framing.CLOSE
        return None


def framing_of(head: Head) -> tuple[Framing, int | None]:
    """Return what ends the body that follows a head, and its length where that is declared."""
    if head.status < 200 or head.status in BODILESS:
        return Framing.NONE, None
    codings = values(head.headers, b"transfer-encoding")
    if codings:
        return (Framing.CHUNKED, None) if codings[-1].lower() == b"chunked" else (Framing.CLOSE, None)
    lengths = set(values(head.headers, b"content-length"))
    if len(lengths) == 1 and (length := lengths.pop()).isdigit() and len(length) < 20:
        return Framing.LENGTH, int(length)
    return Framing.CLOSE, None


def values(headers: Sequence[Field], name: bytes) -> list[bytes]:
    """Return the members of a field that is a list (RFC 9110, section 5.6.1), from all its lines."""
    lines = [value for each, value in headers if each.lower() == name]
    return [member.strip() for value in lines for member in value.split(b",")]
