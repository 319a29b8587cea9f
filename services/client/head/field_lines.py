"""Reads field lines: `Content-Type: text/html`, and what servers send in their place.

Every departure that one line shows is named here: no colon, an empty name or one that is not a token, whitespace before
the colon, a folded value. What several fields say together of the content is judged in `framing` and `location`.
"""

import re

from services.client.head.anomalies import Departure
from services.client.head.errors import HeadTooLargeError
from services.client.head.head import Field
from services.client.head.notes import Notes

_WHITESPACE = b" \t"
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class FieldLines:
    """The field lines of one head, in the order in which they come.

    Arguments:
        max_fields: how many lines there may be; a folded line counts once.
        notes: takes the departures.
    """

    def __init__(self, max_fields: int, notes: Notes) -> None:
        self._max_fields = max_fields
        self._notes = notes
        self.count = 0
        self.headers: list[Field] = []
        self.offsets: list[int] = []  # where the line of each of the headers begins
        self._name: bytes | None = None  # of the field whose value may go on in the next line
        self._value = bytearray()

    def take(self, line: bytes, offset: int) -> None:
        """Read a line that is not empty and came without its line end.

        Arguments:
            line: the line, its bare CRs and NULs already spaces.
            offset: where it begins.

        Raises:
            HeadTooLargeError: there are too many.
            MalformedHeadError: the line has a departure, and `notes` is strict.
        """
        if line[0] in _WHITESPACE:
            self._take_folded(line, offset)
            return
        self.end()
        self.count += 1
        if self.count > self._max_fields:
            raise HeadTooLargeError(f"more than {self._max_fields} field lines", offset)
        name, colon, value = line.partition(b":")
        if not colon:
            self._notes.note(Departure.MISSING_COLON, offset)
            return
        self._name = self._checked_name(name, offset)
        self._value += value.strip(_WHITESPACE)
        self.offsets.append(offset)

    def end(self) -> None:
        """Put the field whose lines have ended into `headers`; a line without a colon is no field."""
        if self._name is not None:
            self.headers.append((self._name, bytes(self._value)))
            self._name = None
        self._value.clear()

    def _take_folded(self, line: bytes, offset: int) -> None:
        if self.count == 0:
            self._notes.note(Departure.WHITESPACE_BEFORE_FIRST_FIELD, offset)
            return
        self._notes.note(Departure.OBS_FOLD, offset)
        if more := line.strip(_WHITESPACE):
            if self._value:
                self._value += b" "
            self._value += more

    def _checked_name(self, name: bytes, offset: int) -> bytes:
        bare = name.rstrip(_WHITESPACE)
        if not bare:
            self._notes.note(Departure.EMPTY_FIELD_NAME, offset)
        elif _TOKEN.fullmatch(bare) is None:
            self._notes.note(Departure.INVALID_FIELD_NAME, offset)
        if len(bare) < len(name):
            self._notes.note(Departure.WHITESPACE_BEFORE_COLON, offset + len(bare))
        return bare
