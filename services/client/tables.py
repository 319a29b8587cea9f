"""Tables for a terminal: text in columns, everything printable."""

from collections.abc import Sequence

from services.runtime.text import printable


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with a head; a column is as wide as its widest cell."""
    cells = [tuple(each.upper() for each in head), *(tuple(map(printable, row)) for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(head))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)
