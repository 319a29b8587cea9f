"""Reads a head that came whole and shows no departure, which is nearly every head, in a few calls into C.

It names no departure: any other head is left to `line_reader`. That one reads the heads that this one reads, too, and
with the same result: a property test checks it.
"""

import re
from functools import lru_cache

from services.client.head.framing import has_plain_framing
from services.client.head.head import Head, HeadParts, is_interim
from services.client.head.limits import Limits
from services.client.head.location import has_plain_location

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9]) (.*)", re.DOTALL)
_VERSIONS = {b"0": "HTTP/1.0", b"1": "HTTP/1.1"}

KEPT_HEADS = 64
KEPT_BYTES = 4 * 1024  # more bytes are read anew

# What a value may hold (HTAB, SP, VCHAR, obs-text), and what a name may (tchar, RFC 9110 §5.6.2).
_TEXT = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
_TCHARS = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def read_clean_head(data: bytes, start: int, limits: Limits) -> HeadParts | None:
    """Read a head that begins at `start`, if it is all there and nothing is wrong with it.

    Returns:
        The version, status, reason, headers and raw bytes; None where `line_reader` has to read it.
    """
    blank = data.find(b"\r\n\r\n", start, start + limits.max_head)
    if blank < 0:
        return None
    raw = data[start : blank + 4]
    lines = raw.split(b"\r\n")
    # With all text left out, line ends remain, and nothing else may.
    if raw.translate(None, _TEXT) != b"\r\n" * (len(lines) - 1) or len(lines) > limits.max_fields + 3:
        return None
    status_line = _STATUS_LINE.fullmatch(lines[0])
    if status_line is None:
        return None
    try:
        split = [line.split(b":", 1) for line in lines[1:-2]]
        headers = tuple([(name, value.strip(b" \t")) for name, value in split])
    except ValueError:  # a line without a colon
        return None
    names = [name for name, _ in headers]
    if b"" in names or b"".join(names).translate(None, _TCHARS):
        return None
    minor, digits, reason = status_line.groups()
    status = int(digits)
    if not has_plain_framing(headers, status, minor):
        return None
    if status != 200 and not has_plain_location(headers, status):
        return None
    return _VERSIONS[minor], status, reason, headers, raw


class WholeHeads:
    """Reads heads that come whole, before all other bytes of a response, and keeps the last ones.

    A site gives the same head, to the byte, to many targets in one second: for equal bytes, `read` returns the same
    head, which is frozen.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kept = lru_cache(maxsize=KEPT_HEADS)(self._read)

    def read(self, data: bytes) -> Head | None:
        """Return what a new HeadReader returns for these bytes, if it is a clean head; None where one has to read."""
        return self._kept(data) if len(data) <= KEPT_BYTES else self._read(data)

    def _read(self, data: bytes) -> Head | None:
        parts = read_clean_head(data, 0, self._limits)
        if parts is None or is_interim(parts[1]):
            return None
        return Head(*parts, rest=data[len(parts[-1]) :])
