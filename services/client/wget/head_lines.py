"""The lines of a response head, for the lessons; every malformed line ends the fetch.

The tutorial's loop ends at `b"\r\n"` only. At the end of a stream, `readline()` returns `b""` again and again without
waiting. So where a peer closed early, or ended its lines with a bare LF, that loop ran for ever and never let the event
loop run: no timeout could end it. Here, each line belongs to the head, ends the head, or ends the fetch with an error.
"""

from contextvars import ContextVar

from services.client.errors import FetchError
from services.runtime.terminal import printable, show

WHITESPACE = " \t"  # in HTTP; `str.rstrip` alone would strip more
status_line: ContextVar[str] = ContextVar("status_line", default="")  # of the last head, for the recorder of a fetch
MAX_LINES = 1_000  # each of at most 64 KiB, the limit of asyncio's StreamReader


def header_line(line: bytes, *, after: list[str]) -> str:
    """Return the text of a line from `readline()`, empty for the line that ends the head. `after`: the lines so far.

    Raises FetchError for a line that cannot follow those in a head: see RFC 9112, sections 2.2 and 4.
    """
    if not line and not after:
        raise FetchError("closed", "the peer closed before it sent a byte")
    if not line.endswith(b"\n"):
        raise FetchError("truncated_head", f"the peer closed inside its head, after {len(after)} lines")
    if not after and not line.startswith(b"HTTP/"):
        raise FetchError("not_http", f"the first line is {line[:60]!r}")
    if not line.endswith(b"\r\n"):
        raise FetchError("malformed_head", f"line {len(after) + 1} ends with a bare LF")
    if len(after) == MAX_LINES:
        raise FetchError("head_too_large", f"more than {MAX_LINES} lines")
    return line[:-2].decode("latin-1")


def print_head(host: str, head: list[str]) -> None:
    """Print a head's lines as the tutorial does, and together: the lines of other hosts cannot come between them."""
    status_line.set(head[0] if head else "")
    show("\n".join(f"{host} header > {printable(line.rstrip(WHITESPACE))}" for line in head))
