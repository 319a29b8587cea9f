"""Reads any head, line by line, and notes every departure: the way for all heads that `fast_path` does not take.

A line is looked at once, when its LF has come, so the result depends on the bytes alone and not on how they
were cut, and the time is linear even where they come one by one. The only thing judged before its line has
ended is whether this can be HTTP at all: a peer that speaks another protocol may never send an LF.

The lines themselves are read by `status_line` and `field_lines`.
"""

import re

from services.client.head.anomalies import Departure
from services.client.head.errors import HeadTooLargeError, NotHttpError
from services.client.head.field_lines import FieldLines
from services.client.head.framing import note_framing
from services.client.head.head import HeadParts
from services.client.head.limits import Limits
from services.client.head.location import note_location
from services.client.head.notes import Notes
from services.client.head.status_line import StatusLine, read_status_line

_BEGINNINGS = (b"http/", b"icy ")
_MAX_BEGINNING = 5
_LEADING = re.compile(rb"[\r\n \t]*+")
_LEADING_DEPARTURES = (
    (Departure.LEADING_EMPTY_LINE, re.compile(rb"[\r\n]")),
    (Departure.LEADING_WHITESPACE, re.compile(rb"[ \t]")),
)
_NOT_TEXT = re.compile(rb"[^\t\x20-\x7e\x80-\xff]")
_CONTROL = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CR_AND_NUL_TO_SP = bytes.maketrans(b"\r\0", b"  ")


class LineReader:
    """Reads one head.

    Arguments:
        offset: of the head's first byte.
        limits: what it may take.
        notes: takes the departures.
    """

    def __init__(self, offset: int, limits: Limits, notes: Notes) -> None:
        self._offset = offset
        self._limits = limits
        self._notes = notes
        self._buffer = bytearray()
        self._line_start = 0
        self._searched = 0
        self._begun = False
        self._complete = False
        self._status_line: StatusLine | None = None
        self._field_lines = FieldLines(limits.max_fields, notes)

    def feed(self, data: bytes, start: int) -> int | None:
        """Take what the head needs of `data[start:]`.

        Returns:
            The index in `data` where the head ends; None if it does not end there.

        Raises:
            HeadError: it cannot end, whatever follows.
        """
        held = len(self._buffer)
        max_head = self._limits.max_head
        self._buffer += data[start : start + max_head + 1 - held]
        if self._begun or self._begin():
            self._take_lines()
        if self._complete:
            return start + self._line_start - held
        if len(self._buffer) > max_head:
            raise HeadTooLargeError(f"the head is larger than {max_head} bytes", self._offset + max_head)
        return None

    def result(self) -> HeadParts:
        """The parts of the head, once `feed` has returned where it ends."""
        assert self._status_line is not None  # noqa: S101 (for mypy: no head is complete without one)
        return *self._status_line, tuple(self._field_lines.headers), bytes(self._buffer[: self._line_start])

    def progress(self) -> str:
        """How far the head has come, for the detail of an error."""
        if self._status_line is None:
            return "before the end of the status line"
        return f"after the status line and {self._field_lines.count} field lines"

    def _begin(self) -> bool:
        """Return whether a status line has begun. Raises NotHttpError at the first byte that none can have there."""
        start = self._skip_leading()
        # Up to the limit only: the byte beyond it is there to show that there is one.
        came = bytes(self._buffer[start : min(start + _MAX_BEGINNING, self._limits.max_head)])
        self._begun = came.lower().startswith(_BEGINNINGS)
        if not self._begun and not _may_begin(came):
            while not _may_begin(came[:-1]):
                came = came[:-1]
            raise NotHttpError(f"{came!r} cannot begin a status line", self._offset + start + len(came) - 1)
        return self._begun

    def _skip_leading(self) -> int:
        """Skip empty lines and whitespace before the status line; returns where it begins."""
        old, end = self._line_start, self._limits.max_head
        new = old
        if leading := _LEADING.match(self._buffer, old, end):
            new = leading.end()
        met = [
            (first.start(), departure)
            for departure, pattern in _LEADING_DEPARTURES
            if (first := pattern.search(self._buffer, old, new))
        ]
        for index, departure in sorted(met):
            self._notes.note(departure, self._offset + index)
        self._line_start = self._searched = new
        return new

    def _take_lines(self) -> None:
        while not self._complete:
            line_end = self._buffer.find(b"\n", self._searched, self._limits.max_head)
            if line_end < 0:
                self._searched = min(len(self._buffer), self._limits.max_head)
                return
            start, self._line_start = self._line_start, line_end + 1
            self._searched = self._line_start
            self._take_line(bytes(self._buffer[start:line_end]), self._offset + start)

    def _take_line(self, line: bytes, offset: int) -> None:
        has_cr = line.endswith(b"\r")
        if has_cr:
            line = line[:-1]
        # As curl does: a line of nothing but CRs is an empty line.
        is_empty = not line.strip(b"\r")
        text = self._as_text(line, offset)
        if not has_cr:
            self._notes.note(Departure.BARE_LF, offset + len(line))
        if self._status_line is None:
            self._status_line = read_status_line(text, offset, self._notes)
        elif is_empty:
            self._end_head()
        else:
            self._field_lines.take(text, offset)

    def _as_text(self, line: bytes, offset: int) -> bytes:
        """The line with bare CRs and NULs as spaces, which RFC 9112 §2.2 and RFC 9110 §5.5 ask for."""
        if _NOT_TEXT.search(line) is None:
            return line
        if (index := line.find(b"\r")) >= 0:
            self._notes.note(Departure.BARE_CR, offset + index)
        if (index := line.find(b"\0")) >= 0:
            self._notes.note(Departure.NUL_BYTE, offset + index)
        if control := _CONTROL.search(line):
            self._notes.note(Departure.CONTROL_BYTE, offset + control.start())
        return line.translate(_CR_AND_NUL_TO_SP)

    def _end_head(self) -> None:
        assert self._status_line is not None  # noqa: S101 (for mypy: an empty line before it is leading)
        self._field_lines.end()
        headers, offsets = self._field_lines.headers, self._field_lines.offsets
        note_framing(headers, offsets, self._status_line, self._notes)
        note_location(headers, offsets, self._status_line.status, self._notes)
        self._complete = True


def _may_begin(came: bytes) -> bool:
    return any(beginning.startswith(came.lower()) for beginning in _BEGINNINGS)
