"""Reads a status line: `HTTP/1.1 200 OK`, and what servers send in its place.

RFC 9112 §4 lets a recipient split the line at any whitespace, and curl and the browsers do. Where no version
and no status of three digits can be seen, the readers that go on disagree about what they saw (`2000` is 2000
to Chrome, 200 to curl 8, an error to curl 7), so this one stops.
"""

import re
from typing import NamedTuple

from services.client.head.anomalies import Departure
from services.client.head.errors import MalformedHeadError
from services.client.head.notes import Notes

_STATUS_LINE = re.compile(
    rb"(?P<version>HTTP/[0-9]++(?:\.[0-9]++)?|ICY)(?P<gap>[ \t\v\f]++)"
    rb"(?P<status>[0-9]{3})(?![0-9])(?P<tail>.*)",
    re.DOTALL | re.IGNORECASE,
)
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
_KNOWN_VERSIONS = (b"HTTP/1.0", b"HTTP/1.1")
_SHOWN = 60


class StatusLine(NamedTuple):
    """The three parts of a status line."""

    http_version: str
    status: int
    reason: bytes


def read_status_line(line: bytes, offset: int, notes: Notes) -> StatusLine:
    """Read a status line that came without its line end.

    Arguments:
        line: the line, its bare CRs and NULs already spaces.
        offset: where it begins.
        notes: takes the departures.

    Raises:
        MalformedHeadError: no version and status in it, or any departure where `notes` is strict.
    """
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise MalformedHeadError(f"no version and three-digit status in {line[:_SHOWN]!r}", offset)
    version, gap, digits, tail = match.groups()
    _note_version(version, offset, notes)
    if gap != b" ":
        notes.note(Departure.STATUS_LINE_WHITESPACE, offset + match.start("gap"))
    status = int(digits)
    if not 100 <= status <= 599:
        notes.note(Departure.STATUS_OUT_OF_RANGE, offset + match.start("status"))
    return StatusLine(version.decode("ascii"), status, _reason(tail, offset + match.start("tail"), notes))


def _note_version(version: bytes, offset: int, notes: Notes) -> None:
    if version in _KNOWN_VERSIONS:
        return
    if version.upper() == b"ICY":
        notes.note(Departure.ICY_STATUS_LINE, offset)
    elif _VERSION.fullmatch(version) is None:
        notes.note(Departure.INVALID_VERSION, offset)
    else:
        notes.note(Departure.UNKNOWN_VERSION, offset)


def _reason(tail: bytes, offset: int, notes: Notes) -> bytes:
    if tail.startswith(b" "):
        return tail[1:]
    if tail[:1] in (b"\t", b"\v", b"\f"):
        notes.note(Departure.STATUS_LINE_WHITESPACE, offset)
        return tail[1:]
    notes.note(Departure.MISSING_REASON_SPACE, offset)
    return tail
