"""Faults that end the connection in an unusual way, or send something other than the recorded response."""

from http import HTTPStatus

from services.sites.faults.script import Ending, FaultContext, Script, pieces

# The size of one piece. It is a multiple of four, so that the pieces together are what one call of the generator gives.
RANDOM_BYTES = 16 * 1024


def fin_at(context: FaultContext) -> Script:
    """The first `bytes` bytes of the head, then FIN."""
    yield from pieces(context.response.head, 0, context.whole("bytes"))
    yield Ending.CUT


def rst_at(context: FaultContext) -> Script:
    """The first `bytes` bytes of the head, delivered; then RST."""
    yield from pieces(context.response.head, 0, context.whole("bytes"))
    yield Ending.RESET


def garbage(context: FaultContext) -> Script:
    r"""A byte \xff and `bytes` - 1 random ones, then FIN."""
    left = context.whole("bytes") - 1
    yield b"\xff" + context.random.randbytes(min(left, RANDOM_BYTES))
    for later in range(left - RANDOM_BYTES, 0, -RANDOM_BYTES):
        yield context.random.randbytes(min(later, RANDOM_BYTES))
    yield Ending.CLOSE


def http09(context: FaultContext) -> Script:
    """The body alone, as in HTTP/0.9, then FIN."""
    yield from pieces(context.response.body)
    yield Ending.CLOSE


def status(context: FaultContext) -> Script:
    """Another status, with an empty body and, if it was given, a Retry-After field."""
    code = context.whole("status")
    reason = HTTPStatus(code).phrase if code in set(HTTPStatus) else ""
    wait = b"Retry-After: %d\r\n" % context.whole("retry_after_s") if "retry_after_s" in context.parameters else b""
    yield b"HTTP/1.1 %d %s\r\n%sContent-Length: 0\r\n\r\n" % (code, reason.encode(), wait)
    yield Ending.KEEP


def redirect_loop(context: FaultContext) -> Script:
    """A redirect to the next of `hops` paths, and from the last to the first."""
    _, here, number = context.target.rpartition("/lab-loop/")
    at = int(number) if here and number.isascii() and number.isdigit() and len(number) < 7 else 0
    following = at % context.whole("hops") + 1
    yield b"HTTP/1.1 302 Found\r\nLocation: /lab-loop/%d\r\nContent-Length: 0\r\n\r\n" % following
    yield Ending.KEEP


def accept_then_close(_context: FaultContext) -> Script:
    """FIN, before any byte is read."""
    yield Ending.CUT


def accept_then_silent(_context: FaultContext) -> Script:
    """No byte, until the peer leaves."""
    yield Ending.SILENCE
