"""Faults inside the head. The body follows as recorded, then FIN: whoever goes on reading finds an end.

A line that is put in comes first after the status line, so that a reader which stops at the first offence has seen
nothing else of the recording than its status.
"""

from collections.abc import Callable
from itertools import repeat

from services.sites.faults.script import Ending, Play, Script, pieces

ENDLESS_LINES = b"X-Lab-Fault: endless\r\n" * 512


def with_head(head: bytes, play: Play) -> Script:
    """Send that head, the body as recorded, and FIN."""
    yield from pieces(head)
    yield from pieces(play.response.body)
    yield Ending.CLOSE


def halves(play: Play) -> tuple[bytes, bytes]:
    """Return the head's first line, and all after it."""
    end = play.response.head.index(b"\n") + 1
    return play.response.head[:end], play.response.head[end:]


def inserting(lines: bytes) -> Callable[[Play], Script]:
    """Return the fault that puts `lines` after the status line."""

    def inserted(play: Play) -> Script:
        first, rest = halves(play)
        return with_head(first + lines + rest, play)

    return inserted


def bad_status_line(play: Play) -> Script:
    """A status of two digits and a letter, in place of the first line."""
    return with_head(b"HTTP/1.1 2x0 OK\r\n" + halves(play)[1], play)


def bare_lf(play: Play) -> Script:
    """Every CRLF of the head is LF alone."""
    return with_head(play.response.head.replace(b"\r\n", b"\n"), play)


def huge_field(play: Play) -> Script:
    """A field whose value has `bytes` bytes, all of them `a`."""
    first, rest = halves(play)
    yield first + b"X-Lab-Fault: "
    whole, left = divmod(play.whole("bytes"), len(ENDLESS_LINES))
    yield from repeat(b"a" * len(ENDLESS_LINES), whole)
    yield from with_head(b"a" * left + b"\r\n" + rest, play)


def endless_head(play: Play) -> Script:
    """The first line, and then a field again and again, for as long as the peer takes them."""
    yield halves(play)[0]
    yield from repeat(ENDLESS_LINES)


def interim_flood(play: Play) -> Script:
    """Interim responses, `count` of them, and then the response as recorded."""
    yield from repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n", play.whole("count"))
    yield from play.rest()
