"""What a service may say in its log when it is attacked, and what it may not."""

import re
from collections.abc import Iterable

FORBIDDEN = re.compile(r"Traceback|Exception ignored|\bERROR\b|\bCRITICAL\b|never (?:awaited|retrieved)")
ALLOWED = (
    # A set of recordings that cannot be played is refused, by name; chaos offers several.
    re.compile(r"^\S+ ERROR not ready: recording "),
    # Chaos kills workers.
    re.compile(r"^\S+ ERROR a worker ended by itself: "),
)
"""Each is documented, and one line."""


def forbidden(lines: Iterable[str]) -> list[str]:
    """Return the lines of a log that should not be there."""
    return [line for line in lines if FORBIDDEN.search(line) and not any(each.search(line) for each in ALLOWED)]
