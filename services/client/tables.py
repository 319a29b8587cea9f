"""Tables for a terminal: text in columns, everything printable."""

from collections.abc import Sequence

from services.runtime.text import printable

MOST_WIDE = 200  # characters of a cell: one that has more is cut, since every row is as wide as the widest


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with a head; a column is as wide as its widest cell."""
    cells = [tuple(each.upper() for each in head), *(tuple(map(cell, row)) for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(head))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)


def cell(text: str) -> str:
    """Return a cell's text, printable, and cut where it is too long."""
    shown = printable(text[: MOST_WIDE + 1])
    return shown if len(shown) <= MOST_WIDE else f"{shown[: MOST_WIDE - 1]}…"
