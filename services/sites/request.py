"""A request head, read without I/O: bytes in, a Request or a refusal out.

Everything here comes from strangers. The head's size, its number of fields and its characters are bounded, a
refusal has a status code and one line that says why, and the host is only ever compared, never opened.
"""

import re
from dataclasses import dataclass

from services.sites.recording import read_fields, wants_persistence

MAX_HEAD_BYTES = 32 * 1024
MAX_FIELDS = 200

HEAD_END = re.compile(rb"\n\r?\n")
LEADING_LINES = re.compile(rb"(?:\r?\n)*")
REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) (\S{1,8192}) HTTP/(1\.[01])\r?\n")
FIELD_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\0\r\n]*\r?\n")
BEGINNING = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}(?: |$)")
AUTHORITY = re.compile(r"(?:https?://)?(?:[^/@]*@)?(\[[0-9a-f:.]+\]|[^:/?#\[\]]*)(?::\d*)?(?:[/?#].*)?", re.DOTALL)


class Refused(Exception):
    """A request that gets an error instead of the recording, and then a closed connection."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(frozen=True, slots=True)
class Request:
    """What is needed of a request; `host` is lower case, without a port, and None where none was sent."""

    method: bytes
    host: str | None
    persistent: bool
    has_body: bool


class RequestReader:
    """Takes bytes as they come and gives requests, one by one; what follows a head stays for the next.

    Raises Refused, after which the connection is good for nothing.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def __bool__(self) -> bool:
        """Whether a part of a request is waiting for the rest."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add what the peer sent."""
        self._buffer += data

    def next_request(self) -> Request | None:
        """Return the next whole request, or None while it lacks bytes."""
        buffer = self._buffer
        if not self._searched and (skipped := LEADING_LINES.match(buffer)):
            del buffer[: skipped.end()]  # RFC 9112, section 2.2: empty lines before a request line are ignored
        end = HEAD_END.search(buffer, self._searched, MAX_HEAD_BYTES)
        if not end:
            self._check_unfinished(buffer)
            self._searched = max(0, len(buffer) - 3)
            return None
        head = bytes(buffer[: end.end()])
        del buffer[: end.end()]
        self._searched = 0
        return read_request(head)

    def _check_unfinished(self, buffer: bytearray) -> None:
        if len(buffer) >= MAX_HEAD_BYTES:
            raise Refused(431, f"a request head has at most {MAX_HEAD_BYTES} bytes")
        if buffer and not self._searched and not BEGINNING.match(buffer):
            raise Refused(400, "this is not an HTTP/1 request")


def read_request(head: bytes) -> Request:
    """Return the request whose head this is, blank line included."""
    line = REQUEST_LINE.match(head)
    if not line:
        raise Refused(400, "this is not an HTTP/1 request line")
    method, target, version = line[1], line[2].decode("latin-1"), line[3]
    block = head[line.end() :]
    lines = block.splitlines(keepends=True)[:-1] if block.strip() else []
    if len(lines) > MAX_FIELDS:
        raise Refused(431, f"a request has at most {MAX_FIELDS} fields")
    if not all(FIELD_LINE.fullmatch(each) for each in lines):
        raise Refused(400, "a field line is not `name: value`")
    fields = read_fields(head)
    return Request(
        method=method,
        host=asked_host(target, version, fields),
        persistent=wants_persistence(version, fields),
        has_body="transfer-encoding" in fields or fields.get("content-length", "0") != "0",
    )


def asked_host(target: str, version: bytes, fields: dict[str, str]) -> str | None:
    """Return the host that is asked for: the target's own, else the Host field's (RFC 9112, section 3.2.2)."""
    absolute = re.match(r"https?://", target, re.IGNORECASE)
    if not absolute and "host" not in fields:
        if version == b"1.1":
            raise Refused(400, "an HTTP/1.1 request has a Host field")
        return None
    if "," in fields.get("host", ""):
        raise Refused(400, "a request has one Host field")
    authority = AUTHORITY.fullmatch((target if absolute else fields["host"]).lower())
    if not authority:
        raise Refused(400, "the host is not a name, with or without a port")
    return authority[1].removesuffix(".")
