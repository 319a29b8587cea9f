"""Figures that other pages quote from docs/benchmarks.md: `lab bench --write` brings them up to date.

A number is followed by a comment that names its cell, `0.60 <!-- bench: TABLE > ROW > COLUMN -->`; a whole table stands
between `<!-- table: TITLE -->` and `<!-- end of table -->`. What benchmarks.md does not have stays as it is, or is said
to be not measured yet. A test holds every page to this.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lab.bench.harness.output.files import write

NUMBER = re.compile(
    r"(?P<number>[\d.,]*\d)(?P<between>[^\d<]{0,40})<!-- bench: (?P<cell>[^>\n]+ > [^>\n]+ > [^>\n]+?) -->"
)
TABLE = re.compile(r"<!-- table: (?P<title>[^\n]+?) -->\n(?P<body>.*?)<!-- end of table -->", re.DOTALL)
NOT_YET = "Not measured yet: `lab bench --write` does it.\n"

Tables = Mapping[str, Sequence[str]]
"""The lines of each table, by its title."""


def tables_of(text: str) -> dict[str, list[str]]:
    """Return the tables of a page in Markdown: each is the first one below its title."""
    found: dict[str, list[str]] = {}
    title, is_below = "", False
    for line in text.splitlines():
        if line.startswith("#"):
            title, is_below = line.lstrip("# "), False
        elif line.startswith("|") and (title not in found or is_below):
            found.setdefault(title, []).append(line)
            is_below = True
        else:
            is_below = False
    return found


def cells_of(tables: Tables) -> dict[str, str]:
    """Return the text of each cell by `TABLE > ROW > COLUMN`."""
    return {
        f"{title} > {row[0]} > {column}": cell
        for title, lines in tables.items()
        for columns, *rows in [[split(line) for line in (*lines[:1], *lines[2:])]]  # between them, a line of dashes
        for row in rows
        for column, cell in zip(columns, row, strict=True)
    }


def split(line: str) -> list[str]:
    """Return the cells of a line of a table."""
    return [cell.strip() for cell in line.strip("|").split("|")]


def requoted(page: str, tables: Tables) -> str:
    """Return a page with each quotation as the tables have it now."""
    cells = cells_of(tables)

    def number(found: re.Match[str]) -> str:
        now = cells.get(found["cell"], found["number"])
        return f"{now}{found['between']}<!-- bench: {found['cell']} -->"

    def table(found: re.Match[str]) -> str:
        lines = tables.get(found["title"])
        body = "".join(f"{line}\n" for line in lines) if lines else NOT_YET
        return f"<!-- table: {found['title']} -->\n\n{body}\n<!-- end of table -->"

    return TABLE.sub(table, NUMBER.sub(number, page))


def unknown(page: str, tables: Tables) -> Iterator[str]:
    """Yield the cells that a page quotes and that there are not."""
    cells = cells_of(tables)
    return (found["cell"] for found in NUMBER.finditer(page) if found["cell"] not in cells)


def requote(pages: Sequence[Path], benchmarks: Path) -> None:
    """Bring the quotations of these pages up to date. Raises ReportUnwritable."""
    tables = tables_of(benchmarks.read_text("utf-8"))
    for page in pages:
        if page == benchmarks or not page.exists():
            continue
        text = page.read_text("utf-8")
        if (now := requoted(text, tables)) != text:
            write(page, now)
