"""Which entries a service's log may have when it is attacked. Every other entry breaks a promise."""

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
"""Each of these is documented, and one line."""


def forbidden(lines: Iterable[str]) -> list[str]:
    """Return the entries of a log that are not documented, each with its lines."""
    return [entry for entry in entries(lines) if FORBIDDEN.search(entry) and not is_allowed(entry)]


def is_allowed(entry: str) -> bool:
    """Return whether an entry is documented. Such an entry is one line."""
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
