"""What a service may say in its log when it is attacked, and what it may not."""

import re
from collections.abc import Iterable

MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\S+ ")
FORBIDDEN = re.compile(r"Traceback|Exception ignored|\bERROR\b|\bCRITICAL\b|never (?:awaited|retrieved)")
ALLOWED = (
    # A set of recordings that cannot be played is refused, by name; chaos offers several.
    re.compile(r"^\S+ ERROR not ready: recording "),
    # Chaos kills workers.
    re.compile(r"^\S+ ERROR a worker ended by itself: "),
)
"""Each is documented, and one line."""


def forbidden(lines: Iterable[str]) -> list[str]:
    """Return the entries of a log that should not be there, each with the lines that belong to it."""
    return [entry for entry in entries(lines) if FORBIDDEN.search(entry) and not is_allowed(entry)]


def is_allowed(entry: str) -> bool:
    """Return whether an entry is documented: what is, has no lines after it."""
    return "\n" not in entry and any(each.search(entry) for each in ALLOWED)


def entries(lines: Iterable[str]) -> list[str]:
    """Return a log's entries: a traceback belongs to the line before it, and ends with the error's own line."""
    found: list[list[str]] = []
    for line in lines:
        inside = line.startswith((" ", "Traceback")) or (found and found[-1][-1].startswith(" "))
        if not found or not inside or MOMENT.search(line):
            found.append([])
        found[-1].append(line)
    return ["\n".join(each) for each in found]
