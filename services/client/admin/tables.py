"""Tables for a terminal: text in columns, escaped where it is not printable, and not wider than the terminal.

If the terminal is narrower than the table, the widest columns are narrowed, and their cells continue in the next line.
If that is not enough, each row is a list of its cells, one in each line. Without a terminal, as in a pipe, a row is one
line of any width.
"""

import sys
from collections.abc import Iterator, Sequence

from services.runtime import terminal
from services.runtime.terminal import printable

MAX_WIDE = 200  # characters of a cell; a longer one is cut, and ends with "..."
CUT = "..."  # in ASCII, which every encoding of a terminal has
MIN_WIDE = 7  # characters of a column that is narrowed
GAP = "  "


def columns(head: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None) -> str:
    """Return a table with a head, at most `width` characters wide (None: as wide as the terminal, if there is one)."""
    cells = [tuple(each.upper() for each in head), *(tuple(map(cell, row)) for row in rows)]
    wanted = [max(len(row[index]) for row in cells) for index in range(len(head))]
    most = terminal.columns(sys.stdout) or 0 if width is None else width
    widths = fitted(wanted, most - len(GAP) * (len(head) - 1)) if most else wanted
    if widths is None:
        return "\n".join(line for row in cells[1:] for line in listed(cells[0], row, most))
    return "\n".join(line for row in cells for line in wrapped(row, widths))


def cell(text: str) -> str:
    """Return the text of a cell, printable, and cut if it is too long."""
    return cut(text, MAX_WIDE)


def cut(text: str, most: int) -> str:
    """Return a text, printable; where it has more than `most` characters then, its beginning and CUT."""
    shown = printable(text[: most + 1])
    return shown if len(shown) <= most else f"{shown[: most - len(CUT)]}{CUT}"


def hanging(line: str, indent: int) -> str:
    """Return a line, printable. On a narrower terminal its rest follows in the next lines, indented by `indent`."""
    most = terminal.columns(sys.stdout) or 0
    shown = printable(line)
    if not most or len(shown) <= most:
        return shown
    first, *_ = pieces(shown, most)
    rest = shown[len(first) :].lstrip(" ")
    return "\n".join([first, *(f"{'':<{indent}}{piece}" for piece in pieces(rest, most - indent))])


def fitted(wanted: Sequence[int], most: int) -> list[int] | None:
    """Return widths with a sum of `most` at most, the widest columns narrowed first; None if that is impossible."""
    widths = list(wanted)
    while sum(widths) > most:
        widest = max(widths)
        if widest <= MIN_WIDE:
            return None
        next_widest = max((each for each in widths if each < widest), default=0)
        several = widths.count(widest)
        too_many = -(-(sum(widths) - most) // several)
        narrowed = max(widest - too_many, next_widest, MIN_WIDE)
        widths = [narrowed if each == widest else each for each in widths]
    return widths


def wrapped(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """Yield the lines of a row."""
    parts = [list(pieces(text, width)) for text, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, parts))):
        line = [part[number] if number < len(part) else "" for part in parts]
        yield GAP.join(map(str.ljust, line, widths)).rstrip()


def listed(head: Sequence[str], row: Sequence[str], most: int) -> Iterator[str]:
    """Yield a row as a list, with one or more lines for each cell, and a blank line at the end."""
    name_width = max(map(len, head))
    for name, text in zip(head, row, strict=True):
        yield from wrapped((name, text), (name_width, max(MIN_WIDE, most - name_width - len(GAP))))
    yield ""


def pieces(text: str, width: int) -> Iterator[str]:
    """Yield a text in pieces of `width` characters at most, divided at spaces if possible."""
    rest = text
    while len(rest) > width:
        space = rest.rfind(" ", 1, width + 1)
        end = space if space > 0 else width
        yield rest[:end].rstrip()
        rest = rest[end:].lstrip(" ") if space > 0 else rest[end:]
    yield rest
