"""The results of the reader: response heads, frozen, as bytes, in wire order and case.

Nothing is normalised but what RFC 9112 tells a recipient to do before it interprets a field: optional
whitespace around a value is left out, a folded line is joined by a space, a bare CR or NUL becomes a space.
`raw` keeps what really came, byte for byte.
"""

from dataclasses import dataclass

from services.client.head.anomalies import Anomaly

Field = tuple[bytes, bytes]

# http_version, status, reason, headers, raw: a head before it is known to be an interim or the final one.
HeadParts = tuple[str, int, bytes, tuple[Field, ...], bytes]


def is_interim(status: int) -> bool:
    """Return whether another head follows one of this status; after 101 another protocol does (RFC 9110 §15.2)."""
    return 100 <= status < 200 and status != 101


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """One head: its status line and fields, and the bytes they were read from.

    http_version: as on the wire: `HTTP/1.1`, but also `HTTP/2`, `http/1.0`, or `ICY`.
    status: three digits, 0 to 999; anything outside 100 to 599 is an anomaly.
    reason: the reason phrase, often empty.
    headers: (name, value), one for each field line.
    raw: from the first byte after the head before it (if any) to the end of the blank line.
    """

    http_version: str
    status: int
    reason: bytes
    headers: tuple[Field, ...]
    raw: bytes

    @property
    def head_bytes(self) -> int:
        """How many bytes the head took on the wire."""
        return len(self.raw)


@dataclass(frozen=True, slots=True)
class Head(ResponseHead):
    """The final head, with all that was learned on the way to it.

    interim: the 1xx heads that were passed over.
    anomalies: every departure met in any of the heads, each once, at its first byte, in order of offset.
    rest: bytes that were fed and belong to what follows the head.
    """

    interim: tuple[ResponseHead, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    rest: bytes = b""

    @property
    def wire(self) -> bytes:
        """All bytes that were read: the interim heads' and its own."""
        return b"".join([*(interim.raw for interim in self.interim), self.raw])
