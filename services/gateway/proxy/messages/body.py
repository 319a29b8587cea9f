"""Where the body of a request ends, without I/O: the gateway counts the bytes and passes them on as they are.

A chunked body is read strictly (RFC 9112, section 7.1), for the reason that `request` gives.
"""

import re

from services.gateway.proxy.messages.request import FIELD_LINE, Refused

MAX_LINE_BYTES = 8 * 1024
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")


class Body:
    """The body of one request. `size_bytes`: None where it is chunked."""

    def __init__(self, size_bytes: int | None) -> None:
        self._is_chunked = size_bytes is None
        self._left = size_bytes or 0
        self._after_data = self._in_trailers = False
        self._line = b""
        self.is_complete = size_bytes == 0

    def take(self, data: bytes) -> int:
        """Return how many bytes of `data` belong to the body. Raises Refused for chunks that are none."""
        position = 0
        while position < len(data) and not self.is_complete:
            if self._left:
                size = min(self._left, len(data) - position)
                self._left -= size
                position += size
                self._after_data = self._is_chunked and not self._left
            elif self._is_chunked:
                position = self._take_line(data, position)
            if not (self._is_chunked or self._left):
                self.is_complete = True
        return position

    def _take_line(self, data: bytes, position: int) -> int:
        """Take the bytes of a line, whose beginning may have come before; return where the next one begins."""
        end = data.find(b"\n", position) + 1
        line = self._line + (data[position:end] if end else data[position:])
        if len(line) > MAX_LINE_BYTES:
            raise Refused(400, f"a line between chunks has at most {MAX_LINE_BYTES} bytes")
        if not end:
            self._line = line
            return len(data)
        self._line = b""
        self._read_line(line)
        return end

    def _read_line(self, line: bytes) -> None:
        if self._after_data:
            if line != b"\r\n":
                raise Refused(400, "a chunk does not end where its size says")
            self._after_data = False
        elif self._in_trailers:
            if line == b"\r\n":
                self.is_complete = True
            elif not FIELD_LINE.fullmatch(line):
                raise Refused(400, "a trailer is not `name: value` with CR LF at its end")
        else:
            size = CHUNK_SIZE.fullmatch(line)
            if not size:
                raise Refused(400, "a chunk does not begin with its size and CR LF")
            self._left = int(size[1], 16)
            self._in_trailers = not self._left
