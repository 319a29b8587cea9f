"""A request, read without I/O: bytes in, a Request or a refusal out.

Everything here comes from outside. The head's size, its number of fields, its characters and the size of a body
are bounded; a refusal has a status code and one line that says why (`response` lists them); the host is only ever
compared, never opened.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.runtime.http import TOKEN_CHARACTERS
from services.runtime.playable import read_fields
from services.sites.http.body import CHUNK_HEAD
from services.sites.http.headers import wants_persistence
from services.sites.http.request_body import IncomingBody, RequestBody
from services.sites.http.response import Refused

MAX_HEAD_BYTES = 32 * 1024
MAX_TARGET_BYTES = 8 * 1024
MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_FIELDS = 200

TOKEN = b"[%s]" % TOKEN_CHARACTERS.encode()
HEAD_END = re.compile(rb"\n\r?\n")
LEADING_LINES = re.compile(rb"(?:\r?\n)*")
REQUEST_LINE = re.compile(rb"(%s{1,32}) ([^\s\0]+) HTTP/(\d\.\d)\r?\n" % TOKEN)
FIELD_LINE = re.compile(rb"%s+:[^\0\r\n]*\r?\n" % TOKEN)
BEGINNING = re.compile(rb"%s{1,32}(?: |$)|\r\Z" % TOKEN)  # CR: half of an empty line
CONTINUE = "100-continue"
ABSOLUTE = re.compile(r"https?://(?:[^/@?#]*@)?([^/?#]*)", re.IGNORECASE)
AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._~!$&'()*+,;=%-]*)(?::\d{0,5})?")


@dataclass(frozen=True, slots=True)
class Request:
    """A request, as far as a site needs it; `host` is lower case, without a port, and None where none was sent.

    `persistent`: whether the connection may be used again; `last`: whether the client has said that it sends
    nothing more. `body_bytes`: how many follow the head; None says that they come chunked. `body`: what is known of
    those that have come; None where none are to come. `waits`: whether the client may wait for 100 (Continue) before it
    sends the body (RFC 9110, section 10.1.1).
    """

    head: bytes
    method: bytes
    target: str
    host: str | None
    persistent: bool
    last: bool
    body_bytes: int | None
    waits: bool = False
    body: IncomingBody | None = field(default=None, compare=False)


class RequestReader:
    """Takes bytes as they come and gives requests, one by one; what follows a request stays for the next.

    A body is read before its request is given; of its bytes only the first are kept. Raises Refused, after which
    nothing more can be read from the connection.
    """

    def __init__(self) -> None:
        self.buffer = bytearray()
        self._searched = 0
        self._waiting: Request | None = None
        self._left = 0  # of the body, or of a chunk of it
        self._counted = 0  # of a chunked body, with its framing
        self._in_chunk = self._trailers = self._waits = False

    def __bool__(self) -> bool:
        """Whether a part of a request is waiting for the rest."""
        return bool(self.buffer) or self._waiting is not None

    @property
    def in_body(self) -> bool:
        """Whether the head is whole, and the body is not."""
        return self._waiting is not None

    def take_waiting(self) -> bool:
        """Return whether the client waits for 100 (Continue): its head is whole, and nothing of the body has come.

        It is so once for a request.
        """
        request = self._waiting
        if request is None or not self._waits:
            return False
        self._waits = False
        return not self.buffer and request.body is not None and not request.body.size and not self._counted

    @property
    def held_bytes(self) -> int:
        """How many bytes are held: those that have not been read, and the first ones of a body that is not whole."""
        waiting = self._waiting
        return len(self.buffer) + (len(waiting.body.start) if waiting and waiting.body else 0)

    @property
    def begun_body(self) -> RequestBody | None:
        """What has come of a body that is not whole."""
        waiting = self._waiting
        return waiting.body.so_far() if waiting and waiting.body else None

    @property
    def begun(self) -> bytes:
        """The received part of a request's head that is not whole, or the head that was refused last."""
        return self._waiting.head if self._waiting else bytes(self.buffer[:MAX_HEAD_BYTES])

    def feed(self, data: bytes) -> None:
        """Add what the peer sent."""
        self.buffer += data

    def forget(self) -> None:
        """Drop what has come and is not answered."""
        self.buffer.clear()
        self.forget_body()

    def forget_body(self) -> None:
        """Drop what is known of a body that is not whole, and will not be."""
        if self._waiting and self._waiting.body:
            self._waiting.body.forget()

    def next_request(self) -> Request | None:
        """Return the next whole request, or None while it lacks bytes."""
        if self._waiting is None and not self._read_head():
            return None
        request = self._waiting
        if request is None:
            return None
        body = request.body
        if body and not (self._read_chunks(body) if request.body_bytes is None else self._read_bytes(body)):
            return None
        self._counted = 0
        self._waiting = None
        return request

    def _read_head(self) -> bool:
        buffer = self.buffer
        if not self._searched and (skipped := LEADING_LINES.match(buffer)):
            del buffer[: skipped.end()]  # RFC 9112, section 2.2: empty lines before a request line are ignored
        end = HEAD_END.search(buffer, self._searched, MAX_HEAD_BYTES)
        if not end:
            self._check_unfinished(buffer)
            self._searched = max(0, len(buffer) - 3)
            return False
        request = read_request(bytes(buffer[: end.end()]))
        del buffer[: end.end()]
        self._searched = 0
        self._waiting = request
        self._waits = request.waits
        self._left = request.body_bytes or 0
        return True

    def _check_unfinished(self, buffer: bytearray) -> None:
        if len(buffer) >= MAX_HEAD_BYTES:
            raise Refused(431, f"a request head has at most {MAX_HEAD_BYTES} bytes")
        if buffer and not self._searched and not BEGINNING.match(buffer):
            raise Refused(400, "this is not an HTTP/1 request")

    def _read_bytes(self, body: IncomingBody) -> bool:
        taken = min(self._left, len(self.buffer))
        if taken:
            body.add(self.buffer[:taken])
            del self.buffer[:taken]
            self._left -= taken
        return self._left == 0

    def _read_chunks(self, body: IncomingBody) -> bool:
        while self._read_bytes(body):
            end = self.buffer.find(b"\n", 0, 1024)
            if end < 0:
                if len(self.buffer) >= 1024:
                    raise Refused(400, "a chunk does not begin with its size")
                return False
            line = bytes(self.buffer[: end + 1])
            del self.buffer[: end + 1]
            if self._end_of_chunks(line):
                return True
        return False

    def _end_of_chunks(self, line: bytes) -> bool:
        self._count(len(line))
        blank = line in {b"\r\n", b"\n"}
        if self._in_chunk:
            if not blank:
                raise Refused(400, "a chunk does not end where its size says")
            self._in_chunk = False
            return False
        if self._trailers:
            self._trailers = not blank
            return blank
        size = CHUNK_HEAD.fullmatch(line)
        if not size:
            raise Refused(400, "a chunk does not begin with its size")
        self._left = int(size[1], 16)
        self._count(self._left)
        self._in_chunk, self._trailers = self._left > 0, self._left == 0
        return False

    def _count(self, size: int) -> None:
        self._counted += size
        if self._counted > MAX_BODY_BYTES:
            raise Refused(413, f"a request body has at most {MAX_BODY_BYTES} bytes")


def read_request(head: bytes) -> Request:
    """Return the request whose head this is, blank line included."""
    line = REQUEST_LINE.match(head)
    if not line:
        raise Refused(400, "this is not an HTTP/1 request line")
    if len(line[2]) > MAX_TARGET_BYTES:
        raise Refused(414, f"a request target has at most {MAX_TARGET_BYTES} bytes")
    method, target, version = line[1], line[2].decode("latin-1"), line[3]
    if not version.startswith(b"1."):
        raise Refused(505, "a site speaks HTTP/1.1 and HTTP/1.0")
    if method == b"CONNECT":
        raise Refused(501, "a site is not a proxy")
    block = head[line.end() :]
    lines = block.split(b"\n")[:-2]
    if len(lines) > MAX_FIELDS:
        raise Refused(431, f"a request has at most {MAX_FIELDS} fields")
    if not all(FIELD_LINE.fullmatch(each + b"\n") for each in lines):
        raise Refused(400, "a field line is not `name: value`")
    fields = read_fields(head)
    stays = wants_persistence(version, fields)
    expected = fields.get("expect", "").lower() if version >= b"1.1" else ""  # from HTTP/1.0, it is ignored
    unread = expected not in {"", CONTINUE}  # what else is expected is not known: the answer comes without the body
    framed = version >= b"1.1" or "transfer-encoding" not in fields  # RFC 9112, section 6.1: HTTP/1.0 has no codings
    body_bytes = 0 if unread else promised_bytes(fields)
    return Request(
        head=head,
        method=method,
        target=target,
        host=asked_host(target, version, fields, lines),
        persistent=stays and framed and not unread,
        last=not stays and not unread,
        body_bytes=body_bytes,
        waits=expected == CONTINUE,
        body=None if body_bytes == 0 else IncomingBody(),
    )


def promised_bytes(fields: Mapping[str, str]) -> int | None:
    """Return how long a request's body is (RFC 9112, section 6.3); None: chunked."""
    length = fields.get("content-length")
    if "transfer-encoding" in fields:
        if length is not None:
            raise Refused(400, "a request has Content-Length or Transfer-Encoding, not both")
        if fields["transfer-encoding"].lower() != "chunked":
            raise Refused(501, "a site knows no transfer coding but chunked")
        return None
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit() and len(length) < 20):
        raise Refused(400, "Content-Length is not one number")
    if int(length) > MAX_BODY_BYTES:
        raise Refused(413, f"a request body has at most {MAX_BODY_BYTES} bytes")
    return int(length)


def asked_host(target: str, version: bytes, fields: Mapping[str, str], lines: list[bytes]) -> str | None:
    """Return the host that is asked for: the target's own, else the Host field's (RFC 9112, section 3.2.2)."""
    absolute = ABSOLUTE.match(target)
    if not absolute and "host" not in fields:
        if version >= b"1.1":
            raise Refused(400, "an HTTP/1.1 request has a Host field")
        return None
    if sum(line[:5].lower() == b"host:" for line in lines) > 1:
        raise Refused(400, "a request has one Host field")
    authority = AUTHORITY.fullmatch((absolute[1] if absolute else fields["host"]).lower())
    if not authority:
        raise Refused(400, "the host is not a name, with or without a port")
    return authority[1].removesuffix(".") or None
