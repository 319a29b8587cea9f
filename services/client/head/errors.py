"""Why no head could be read: a base class, and a class for each such name in the survey's closed list of errors.

`kind` is the name that goes into a record; `offset` counts from the first byte fed to the reader; `detail` is
for a person, and safe to print: bytes in it are shown as Python literals.
"""

from typing import ClassVar

from services.client.head.anomalies import Departure


class HeadError(Exception):
    """No head could be read from these bytes."""

    kind: ClassVar[str]

    def __init__(self, detail: str, offset: int) -> None:
        super().__init__(detail, offset)
        self.detail = detail
        self.offset = offset

    def __str__(self) -> str:
        return f"{self.kind} at byte {self.offset}: {self.detail}"


class ClosedError(HeadError):
    """The stream ended before any byte came."""

    kind = "closed"


class TruncatedHeadError(HeadError):
    """The stream ended within the head (RFC 9112 §8: the message is incomplete)."""

    kind = "truncated_head"


class HeadTooLargeError(HeadError):
    """The head goes beyond one of the `Limits`."""

    kind = "head_too_large"


class NotHttpError(HeadError):
    """The first bytes cannot begin a status line: HTTP/0.9, TLS, another protocol."""

    kind = "not_http"


class MalformedHeadError(HeadError):
    """The status line has no version and status, or a strict reader met a departure.

    `departure`: the one that the strict reader refused; None where the default reader refuses the head, too.
    """

    kind = "malformed_head"

    def __init__(self, detail: str, offset: int, departure: Departure | None = None) -> None:
        super().__init__(detail, offset)
        self.departure = departure
