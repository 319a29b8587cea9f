"""Reading the value that an option is given: each function returns it, or raises what argparse shows."""

from argparse import ArgumentTypeError
from collections.abc import Callable

MAX_PATH_BYTES = 4_000


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from `least` to `most`."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text[:20]) <= most):
            raise ArgumentTypeError(f"{text[:40]!r} is not a whole number from {least:,} to {most:,}")
        return int(text)

    return read


def seconds(text: str) -> float:
    """Read a number of seconds, up to an hour."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 3600:
        raise ArgumentTypeError(f"{text[:40]!r} is not a number of seconds above 0, up to 3600")
    return value


def per_second(text: str) -> float:
    """Read a rate, up to a million a second; 0 is no limit."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1_000_000:
        raise ArgumentTypeError(f"{text[:40]!r} is not a number a second from 0 to 1,000,000")
    return value


def field_value(text: str) -> str:
    """Read a value that can stand in a request's field: visible ASCII and spaces."""
    if not (text and text.isascii() and text.isprintable() and len(text) <= 1_000):
        raise ArgumentTypeError("a field value is 1 to 1,000 visible ASCII characters")
    return text


def words(text: str) -> list[str]:
    """Read words with commas between them."""
    found = [word.strip() for word in text.split(",")]
    if "" in found or len(set(found)) < len(found):
        raise ArgumentTypeError(f"{text[:40]!r} is not a list of words, each once, with commas between them")
    return found


def path(text: str) -> str:
    """Read a path, maybe with a query (RFC 3986)."""
    is_sent = text.isascii() and text.isprintable() and not set(" #") & set(text)
    if not (text.startswith("/") and is_sent and len(text) <= MAX_PATH_BYTES):
        raise ArgumentTypeError(
            f"{text[:40]!r} is not a path: it begins with / and has no space, # or character beyond ASCII"
        )
    return text
