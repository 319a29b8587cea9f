"""Faults inside the head. The body follows as recorded, then FIN, so that a client that goes on reading finds an end.

An inserted line comes first after the status line: a reader that stops at the first error has seen nothing but the
status of the recording. Interim heads before the final one stay as they are: a client skips them, and the error has to
be in the head that it uses.
"""

from collections.abc import Callable
from itertools import repeat

from services.runtime.playable import measure_heads
from services.sites.faults.script import Ending, FaultContext, Script, pieces

ENDLESS_LINES = b"X-Lab-Fault: endless\r\n" * 512


def with_head(head: bytes, context: FaultContext) -> Script:
    """Yield this head, the body as recorded, and FIN."""
    yield from pieces(head)
    yield from pieces(context.response.body)
    yield Ending.CLOSE


def split_head(context: FaultContext) -> tuple[bytes, bytes, bytes]:
    """Return the interim heads (often none), the final head's first line, and the rest of the final head."""
    head = context.response.head
    at = measure_heads(head, most=len(head))
    return head[: at.begin], head[at.begin : at.fields], head[at.fields :]


def inserting(lines: bytes) -> Callable[[FaultContext], Script]:
    """Return the fault that inserts `lines` after the status line."""

    def inserted(context: FaultContext) -> Script:
        interim, first, rest = split_head(context)
        return with_head(interim + first + lines + rest, context)

    return inserted


def bad_status_line(context: FaultContext) -> Script:
    """A status of two digits and a letter, in place of the first line."""
    interim, _first, rest = split_head(context)
    return with_head(interim + b"HTTP/1.1 2x0 OK\r\n" + rest, context)


def bare_lf(context: FaultContext) -> Script:
    """LF alone, in place of every CRLF of the head."""
    return with_head(context.response.head.replace(b"\r\n", b"\n"), context)


def huge_field(context: FaultContext) -> Script:
    """A field whose value has `bytes` bytes, all of them `a`."""
    interim, first, rest = split_head(context)
    yield interim + first + b"X-Lab-Fault: "
    whole, left = divmod(context.whole("bytes"), len(ENDLESS_LINES))
    yield from repeat(b"a" * len(ENDLESS_LINES), whole)
    yield from with_head(b"a" * left + b"\r\n" + rest, context)


def endless_head(context: FaultContext) -> Script:
    """The first line, and then one field again and again, for as long as the peer reads."""
    interim, first, _rest = split_head(context)
    yield interim + first
    yield from repeat(ENDLESS_LINES)


def interim_flood(context: FaultContext) -> Script:
    """Interim responses, `count` of them, and then the response as recorded."""
    yield from repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n", context.whole("count"))
    yield from context.rest()
