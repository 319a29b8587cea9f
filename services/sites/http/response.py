"""A response: where it ends, and the one that a site makes itself, to a request that it refuses.

400  not HTTP/1, a bad field line, no Host or several, a host that is no name, lengths that contradict each other
408  a request that has begun and is not whole in time
413  a body of more than MAX_BODY_BYTES
414  a target of more than MAX_TARGET_BYTES
421  a host that is not played here
431  a head of more than MAX_HEAD_BYTES or MAX_FIELDS
501  CONNECT, or a transfer coding that is not chunked
503  no memory left for what the peer sends (see `budget`)
505  HTTP/2 without TLS, and other versions
"""

from collections.abc import Mapping

from services.runtime.playable import BODILESS_STATUSES
from services.sites.http.body import ends_chunked

REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    421: "Misdirected Request",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}


class Refused(Exception):
    """A request that gets an error instead of the recording, and then a closed connection."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason

    def response(self, *, head_only: bool) -> bytes:
        """Return a response that says in one line why there is no other; to HEAD, its head alone."""
        body = f"{self.reason}\n".encode("latin-1", "replace")
        fields = f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        head = f"HTTP/1.1 {self.status} {REASONS[self.status]}\r\n{fields}\r\n".encode("latin-1")
        return head if head_only else head + body


def is_framed(version: bytes, status: int, fields: Mapping[str, str], body: bytes) -> bool:
    """Return whether all clients can tell where this response ends while the connection stays open.

    Some clients read a transfer coding also where there can be none: in HTTP/1.0, or in a response without content.
    """
    coding, length = fields.get("transfer-encoding"), fields.get("content-length")
    if status in BODILESS_STATUSES:
        return not body and coding is None and (status == 304 or length in {None, "0"})
    if status < 200:
        return False
    if coding is not None:
        return coding.lower() == "chunked" and version >= b"1.1" and length is None and ends_chunked(body)
    return length == str(len(body))
