"""Numbers that a page quotes from docs/benchmarks.md are those of its tables.

A quotation is a number and then a comment that names where it is: `0.60 <!-- bench: TABLE | ROW | COLUMN -->`.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "docs" / "benchmarks.md"
QUOTED = re.compile(r"([\d.,]+)[^\d\n]{0,20}<!-- bench: ([^|]+) \| ([^|]+) \| ([^|]+?) -->")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

Figures = dict[tuple[str, str, str], str]
SAMPLE = """\
### kept alive

|  | median requests/s | x nginx |
| --- | --- | --- |
| nginx | 1,000 | 1.00 |
| ours | 600 | 0.60 |
"""


def figures_of(text: str) -> Figures:
    """Return each cell by its table, its row and its column."""
    found: Figures = {}
    title, columns = "", list[str]()
    for line in text.splitlines():
        if line.startswith("#"):
            title, columns = line.lstrip("# "), []
        elif line.startswith("|") and not line.startswith("| ---"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if columns:
                found |= {(title, cells[0], name): cell for name, cell in zip(columns, cells, strict=True)}
            else:
                columns = cells
    return found


def wrong(text: str, figures: Figures) -> list[str]:
    """Return the quotations that are not what the tables have."""
    return [found[0] for found in QUOTED.finditer(text) if figures.get((found[2], found[3], found[4])) != found[1]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_quotation_is_in_the_tables(page: Path) -> None:
    """A run that writes the page anew shows which other pages are out of date."""
    assert wrong(page.read_text("utf-8"), figures_of(BENCHMARKS.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("it has 0.60 of its rate <!-- bench: kept alive | ours | x nginx -->", True),
        ("it has 0.61 of its rate <!-- bench: kept alive | ours | x nginx -->", False),
        ("600 a second <!-- bench: kept alive | ours | median requests/s -->", True),
        ("0.60 <!-- bench: kept alive | theirs | x nginx -->", False),
    ],
    ids=["as measured", "another number", "another column", "no such row"],
)
def test_a_quotation_is_held_to_its_cell(text: str, is_right: bool) -> None:
    """Else this test would hold nothing while no page quotes."""
    assert (wrong(text, figures_of(SAMPLE)) == []) is is_right
