"""Faults inside the head. The body follows as recorded, then FIN: whoever goes on reading finds an end.

A line that is put in comes first after the status line, so that a reader which stops at the first offence has seen
nothing else of the recording than its status. Where interim heads come before the final one, they stay as they are: a
client reads past them, and the offence has to be in the head that it means to use.
"""

from collections.abc import Callable
from itertools import repeat

from services.runtime.playable import measure_heads
from services.sites.faults.script import Ending, FaultContext, Script, pieces

ENDLESS_LINES = b"X-Lab-Fault: endless\r\n" * 512


def with_head(head: bytes, play: FaultContext) -> Script:
    """Send that head, the body as recorded, and FIN."""
    yield from pieces(head)
    yield from pieces(play.response.body)
    yield Ending.CLOSE


def thirds(play: FaultContext) -> tuple[bytes, bytes, bytes]:
    """Return the interim heads, if there are any, the final head's first line, and all after it."""
    head = play.response.head
    at = measure_heads(head, most=len(head))
    return head[: at.begin], head[at.begin : at.fields], head[at.fields :]


def inserting(lines: bytes) -> Callable[[FaultContext], Script]:
    """Return the fault that puts `lines` after the status line."""

    def inserted(play: FaultContext) -> Script:
        interim, first, rest = thirds(play)
        return with_head(interim + first + lines + rest, play)

    return inserted


def bad_status_line(play: FaultContext) -> Script:
    """A status of two digits and a letter, in place of the first line."""
    interim, _first, rest = thirds(play)
    return with_head(interim + b"HTTP/1.1 2x0 OK\r\n" + rest, play)


def bare_lf(play: FaultContext) -> Script:
    """Every CRLF of the head is LF alone."""
    return with_head(play.response.head.replace(b"\r\n", b"\n"), play)


def huge_field(play: FaultContext) -> Script:
    """A field whose value has `bytes` bytes, all of them `a`."""
    interim, first, rest = thirds(play)
    yield interim + first + b"X-Lab-Fault: "
    whole, left = divmod(play.whole("bytes"), len(ENDLESS_LINES))
    yield from repeat(b"a" * len(ENDLESS_LINES), whole)
    yield from with_head(b"a" * left + b"\r\n" + rest, play)


def endless_head(play: FaultContext) -> Script:
    """The first line, and then a field again and again, for as long as the peer takes them."""
    interim, first, _rest = thirds(play)
    yield interim + first
    yield from repeat(ENDLESS_LINES)


def interim_flood(play: FaultContext) -> Script:
    """Interim responses, `count` of them, and then the response as recorded."""
    yield from repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n", play.whole("count"))
    yield from play.rest()
