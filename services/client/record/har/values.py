"""Values of a HAR entry, each with the type that the specification says; of another type, it counts as missing."""

from collections.abc import Mapping, Sequence

MAX_SHOWN = 60


class Skipped(ValueError):
    """Nothing can be recorded from an entry, although there should be something; the text is the reason."""


class NotWanted(Skipped):
    """An entry has nothing that a lab could play: no answer came, or it was no request over HTTP."""


def table(value: object) -> Mapping[str, object]:
    """Return an object, an empty one for another value."""
    return value if isinstance(value, dict) else {}


def array(value: object) -> Sequence[object]:
    """Return an array, an empty one for another value."""
    return value if isinstance(value, list) else ()


def text(value: object) -> str:
    """Return a text, an empty one for another value."""
    return value if isinstance(value, str) else ""


def whole(value: object) -> int | None:
    """Return a whole number from 0 on; None for another value. Some programs write 200.0 for 200."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def shown(value: object) -> str:
    """Return the beginning of a text, to name it in a line."""
    return repr(text(value)[:MAX_SHOWN])
