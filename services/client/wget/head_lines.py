"""The lines of a response head, without the tutorial's hazards.

The tutorial's loop ends at `b"\r\n"` only. At the end of a stream `readline()` returns `b""` at once and for ever, so
a peer that closes early, or ends its lines with a bare LF, made that loop spin without a pause: no timeout could fire.
Here every line either belongs to the head, ends it, or ends the fetch.
"""

from services.client.errors import FetchError
from services.runtime.terminal import printable, show

WHITESPACE = " \t"  # of a field line; what else str takes for whitespace is shown
MAX_LINES = 1_000  # each of at most 64 KiB, the limit of asyncio's StreamReader


def header_line(line: bytes, *, after: list[str]) -> str:
    """Return the text of a line that `readline()` gave, empty for the one that ends the head.

    Raises FetchError for a line that no head has there: see RFC 9112, sections 2.2 and 4.
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
    """Print a head's lines together, as the tutorial does; no host's lines get between another's."""
    show("\n".join(f"{host} header > {printable(line.rstrip(WHITESPACE))}" for line in head))
