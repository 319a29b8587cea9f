"""The head of a request to the gateway, read without I/O: bytes in, a head or a refusal out.

The reader is strict, since what it reads it passes on to a site that reads it again: a head that two readers could
understand in two ways is refused (RFC 9112, section 11.2). A client that wants to send such bytes to a site connects to
the site itself, or by CONNECT, whose bytes are not read. `decision` says what is done with a head, `body` where its
request ends.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from services.runtime.http import TOKEN_CHARACTERS

MAX_HEAD_BYTES = 40 * 1024  # more than a site takes, so that its own answer to a long head comes through
MAX_FIELDS = 1000
MAX_LENGTH_DIGITS = 15
MAX_KNOWN_BYTES, MAX_KNOWN_HEADS = 2 * 1024, 512  # heads that need no reading when they come again: 1 MiB

TOKEN = b"[%s]" % TOKEN_CHARACTERS.encode()
HEAD_END = b"\r\n\r\n"
BARE_LF = re.compile(rb"(?<!\r)\n")
REQUEST_LINE = re.compile(rb"(%s{1,32}) ([\x21-\x7e\x80-\xff]+) HTTP/([0-9])\.([0-9])\r\n" % TOKEN)
FIELD_LINE = re.compile(rb"(%s+):[ \t]*+([\t\x20-\x7e\x80-\xff]*?)[ \t]*\r\n" % TOKEN)
BEGINNING = re.compile(rb"%s{1,32}(?: |\Z)" % TOKEN)


class Refused(Exception):
    """A request that the gateway does not pass on. `status`: of its response; the text is one line for a person."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a head: its name in lower case, its value, and where the value stands in the head."""

    name: bytes
    value: bytes
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A head as it came, empty line included.

    `fields_begin`: where the first field line begins; `body_bytes`: how many bytes of a body follow, None: it is
    chunked.
    """

    raw: bytes
    method: bytes
    target: bytes
    fields: tuple[Field, ...]
    fields_begin: int
    body_bytes: int | None

    def values(self, name: bytes) -> list[bytes]:
        """Return the value of each field of that name, which is in lower case."""
        return [field.value for field in self.fields if field.name == name]


class HeadReader:
    """Takes bytes as they come, and returns one head after the other; `rest` is what follows the last one."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def __len__(self) -> int:
        """How many bytes are held."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add what the client sent."""
        self._buffer += data

    def rest(self) -> bytes:
        """Return the bytes that are held, and hold none of them any more."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._searched = 0
        return rest

    def next_head(self) -> RequestHead | None:
        """Return the next head, None while it lacks bytes. Raises Refused, after which no other head can be read."""
        buffer = self._buffer
        while not self._searched and buffer.startswith(b"\r\n"):
            del buffer[:2]  # RFC 9112, section 2.2: empty lines before a request line are ignored
        end = buffer.find(HEAD_END, self._searched, MAX_HEAD_BYTES)
        if end < 0:
            self._check_unfinished()
            self._searched = max(0, len(buffer) - len(HEAD_END) + 1)
            return None
        raw = bytes(buffer[: end + len(HEAD_END)])
        del buffer[: len(raw)]
        self._searched = 0
        return read_head(raw)

    def _check_unfinished(self) -> None:
        if len(self._buffer) >= MAX_HEAD_BYTES:
            raise Refused(431, f"a request head has at most {MAX_HEAD_BYTES} bytes")
        if BARE_LF.search(self._buffer, max(0, self._searched - 1)):
            raise Refused(400, "a line of the head ends with a bare LF: lines end with CR LF")
        if self._buffer and not self._searched and self._buffer != b"\r" and not BEGINNING.match(self._buffer):
            raise Refused(400, "this is not an HTTP/1 request")


def read_head(raw: bytes) -> RequestHead:
    """Return the head of these bytes. Raises Refused."""
    return read_known_head(raw) if len(raw) <= MAX_KNOWN_BYTES else read_any_head(raw)


@lru_cache(MAX_KNOWN_HEADS)
def read_known_head(raw: bytes) -> RequestHead:
    """Return the head of these bytes, which came before as a rule: clients repeat themselves."""
    return read_any_head(raw)


def read_any_head(raw: bytes) -> RequestHead:
    """Return the head of these bytes, read line by line."""
    line = REQUEST_LINE.match(raw)
    if not line:
        raise Refused(400, "this is not an HTTP/1 request line, which ends with CR LF")
    if line[3] != b"1":
        raise Refused(505, "the gateway speaks HTTP/1.1 and HTTP/1.0")
    fields: list[Field] = []
    position, last = line.end(), len(raw) - len(b"\r\n")
    while position < last:
        found = FIELD_LINE.match(raw, position)
        if not found:
            raise Refused(400, "a field line is not `name: value` with CR LF at its end")
        fields.append(Field(found[1].lower(), found[2], *found.span(2)))
        position = found.end()
    if len(fields) > MAX_FIELDS:
        raise Refused(431, f"a request has at most {MAX_FIELDS} fields")
    if line[1] == b"CONNECT":
        return RequestHead(raw, line[1], line[2], tuple(fields), line.end(), 0)
    return RequestHead(raw, line[1], line[2], tuple(fields), line.end(), body_bytes(fields, is_1_0=line[4] == b"0"))


def body_bytes(fields: list[Field], *, is_1_0: bool) -> int | None:
    """Return how long a request's body is, None: chunked (RFC 9112, section 6.3). Raises Refused."""
    lengths = [field.value for field in fields if field.name == b"content-length"]
    codings = [field.value for field in fields if field.name == b"transfer-encoding"]
    if codings:
        if lengths or is_1_0:
            with_it = "Content-Length" if lengths else "HTTP/1.0"
            raise Refused(400, f"Transfer-Encoding together with {with_it} leaves open where the request ends")
        if len(codings) > 1 or codings[0].lower() != b"chunked":
            raise Refused(501, "the gateway knows no transfer coding but chunked")
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or not lengths[0].isdigit() or len(lengths[0]) > MAX_LENGTH_DIGITS:
        raise Refused(400, "Content-Length is not one number")
    return int(lengths[0])
