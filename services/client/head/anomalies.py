"""The closed list of departures from RFC 9110 and 9112 that a head can show, each with the clause it departs from.

A departure is what a sender may not do, in the syntax of a head, in how it frames the content, or in where it sends
a client on. The default reader reads on and lists it; a strict reader refuses the head. Each is listed once for a
response, at the first byte where it shows, so that no server can make the list long.

Fine, and so not in this list: bytes above 127 in values and reasons (obs-text, RFC 9110 §5.5); an empty
reason after its space, and spaces within a reason (RFC 9112 §4); a transfer coding other than chunked that
ends with the connection (RFC 9112 §6.3).

Where each is found: `line_reader` (line ends and control bytes), `status_line`, `field_lines`, `framing`, `location`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Departure(StrEnum):
    """A departure from the rules of a head that can still be read: its name, the clause that forbids it, what it is."""

    clause: str
    means: str

    def __new__(cls, name: str, clause: str, means: str) -> Self:
        """Make a member that is its name, so that it goes into JSON as it is."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.clause = clause
        member.means = means
        return member

    # Lines
    BARE_LF = "bare_lf", "RFC 9112 section 2.2", "a line ends in LF alone"
    BARE_CR = "bare_cr", "RFC 9112 section 2.2", "a CR that no LF follows (read as a space)"
    NUL_BYTE = "nul_byte", "RFC 9110 section 5.5", "a NUL byte (read as a space)"
    CONTROL_BYTE = "control_byte", "RFC 9110 section 5.5", "a control byte other than HTAB, CR, LF and NUL"

    # The status line
    LEADING_EMPTY_LINE = "leading_empty_line", "RFC 9112 section 2.1", "an empty line before the status line"
    LEADING_WHITESPACE = "leading_whitespace", "RFC 9112 section 4", "whitespace before the status line"
    STATUS_LINE_WHITESPACE = (
        "status_line_whitespace",
        "RFC 9112 section 4",
        "not a single SP within the status line",
    )
    ICY_STATUS_LINE = "icy_status_line", "RFC 9112 section 2.3", "ICY, the SHOUTcast name, for HTTP/1.0"
    INVALID_VERSION = "invalid_version", "RFC 9112 section 2.3", "a version not written HTTP/DIGIT.DIGIT"
    UNKNOWN_VERSION = (
        "unknown_version",
        "RFC 9110 section 2.5",
        "a version that is neither HTTP/1.0 nor HTTP/1.1",
    )
    STATUS_OUT_OF_RANGE = "status_out_of_range", "RFC 9110 section 15", "a status code outside 100 to 599"
    MISSING_REASON_SPACE = "missing_reason_space", "RFC 9112 section 4", "no SP after the status code"

    # Field lines
    WHITESPACE_BEFORE_FIRST_FIELD = (
        "whitespace_before_first_field",
        "RFC 9112 section 2.2",
        "a line that begins with whitespace right after the status line (ignored)",
    )
    OBS_FOLD = (
        "obs_fold",
        "RFC 9112 section 5.2",
        "a value that goes on in the next line (joined by a space)",
    )
    MISSING_COLON = "missing_colon", "RFC 9112 section 5", "a field line without a colon (ignored)"
    EMPTY_FIELD_NAME = "empty_field_name", "RFC 9110 section 5.1", "a field line that begins with its colon"
    INVALID_FIELD_NAME = "invalid_field_name", "RFC 9110 section 5.1", "a field name that is not a token"
    WHITESPACE_BEFORE_COLON = (
        "whitespace_before_colon",
        "RFC 9112 section 5.1",
        "whitespace between a field name and its colon (left out)",
    )

    # Framing: what the fields say of the content
    CONTENT_LENGTH_INVALID = (
        "content_length_invalid",
        "RFC 9110 section 8.6",
        "a Content-Length that is no number",
    )
    CONTENT_LENGTH_OVERFLOW = (
        "content_length_overflow",
        "RFC 9110 section 8.6",
        "a Content-Length of 2**64 or more",
    )
    CONTENT_LENGTH_REPEATED = (
        "content_length_repeated",
        "RFC 9110 section 8.6",
        "one Content-Length several times",
    )
    CONTENT_LENGTH_CONFLICT = "content_length_conflict", "RFC 9112 section 6.3", "Content-Lengths that differ"
    CONTENT_LENGTH_FORBIDDEN = (
        "content_length_forbidden",
        "RFC 9110 section 8.6",
        "Content-Length in a 1xx or 204",
    )
    TRANSFER_ENCODING_INVALID = (
        "transfer_encoding_invalid",
        "RFC 9112 section 6.1",
        "a Transfer-Encoding that is not a list of transfer codings",
    )
    TRANSFER_ENCODING_CHUNKED_TWICE = (
        "transfer_encoding_chunked_twice",
        "RFC 9112 section 6.1",
        "the chunked coding applied more than once",
    )
    TRANSFER_ENCODING_IN_HTTP_1_0 = (
        "transfer_encoding_in_http_1_0",
        "RFC 9112 section 6.1",
        "Transfer-Encoding before HTTP/1.1",
    )
    TRANSFER_ENCODING_FORBIDDEN = (
        "transfer_encoding_forbidden",
        "RFC 9112 section 6.1",
        "Transfer-Encoding in a 1xx or 204",
    )
    TRANSFER_ENCODING_WITH_CONTENT_LENGTH = (
        "transfer_encoding_with_content_length",
        "RFC 9112 section 6.2",
        "Transfer-Encoding and Content-Length together",
    )

    # Redirection: what the fields say of where to go on, in a 201 or 3xx
    LOCATION_EMPTY = "location_empty", "RFC 9110 section 10.2.2", "a Location without a URI"
    LOCATION_CONFLICT = "location_conflict", "RFC 9110 section 5.3", "Locations that differ"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A departure and the offset, from the first byte fed, of the byte or line where it first shows."""

    name: Departure
    offset: int

    @property
    def clause(self) -> str:
        """The clause that the departure departs from."""
        return self.name.clause
