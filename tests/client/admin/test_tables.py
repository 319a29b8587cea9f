"""Tables fit their terminal, and lose no character."""

from collections import Counter

import pytest

from services.client.admin.tables import MAX_WIDE, MIN_WIDE, columns, hanging

JOURNAL = ("entry", "conn", "peer", "request", "status", "sent", "fault", "ended", "took")
ENTRY = (
    "1",
    "1.1 tls",
    "172.22.0.6:51168",
    "GET /special/0077jt/error_isp.html HTTP/1.1",
    "302",
    "40",
    "rst_at (plan 2)",
)
ROWS = [(*ENTRY, "rst", "0.3 ms"), ("2", "2.1", "[2001:db8::6]:51168", "x" * 150, "-", "0", "-", "not yet", "-")]
FAULTS = ("fault", "parameters", "who", "seen", "fired", "ttl left")
RULES = [("delay", "distribution=lognormal median_s=0.5 sigma=1.5", "per=request probability=0.5", "12", "7", "3.5 s")]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize(("head", "rows"), [(JOURNAL, ROWS), (FAULTS, RULES)], ids=["journal", "faults"])
def test_a_table_fits_and_loses_nothing(head: tuple[str, ...], rows: list[tuple[str, ...]], width: int) -> None:
    """Every character of every cell is there, and no line is longer than the terminal is wide."""
    table = columns(head, rows, width=width)
    assert max(map(len, table.splitlines())) <= width
    for name in head:
        assert name.upper() in table
    cells = [cell for row in rows for cell in row]
    assert Counter("".join(cells).replace(" ", "")) <= Counter(table)
    assert all(word in table for cell in cells for word in cell.split() if len(word) < MIN_WIDE)


def test_words_stay_whole_where_they_can() -> None:
    """A cell goes on in the next line of its own column, parted at a space."""
    assert columns(("a", "b"), [("one two three four", "x")], width=13).splitlines() == [
        "A           B",
        "one two     x",
        "three four",
    ]


def test_a_word_that_is_too_long_is_broken() -> None:
    """No character of it is lost."""
    table = columns(("a", "b"), [("0123456789abcdefghij", "x")], width=13)
    assert table.splitlines()[1:] == ["0123456789  x", "abcdefghij"]


def test_a_table_that_cannot_fit_is_a_list() -> None:
    """A line for each cell, and a blank one behind each row."""
    lines = columns(JOURNAL, [ROWS[0]], width=40).splitlines()
    assert lines[:2] == ["ENTRY    1", "CONN     1.1 tls"]
    assert lines[3:5] == ["REQUEST  GET", "         /special/0077jt/error_isp.html"]


def test_elsewhere_a_row_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pipe it is for programs; COLUMNS stands for a terminal all the same."""
    monkeypatch.delenv("COLUMNS", raising=False)
    assert len(columns(JOURNAL, ROWS).splitlines()) == 3
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, columns(JOURNAL, ROWS).splitlines())) <= 80


def test_a_cell_is_printable_and_bounded() -> None:
    """What is cut says so."""
    (_, row) = columns(("a",), [("\x1b" + "x" * 10_000,)]).splitlines()
    assert row.startswith("\\x1bx")
    assert row.endswith("x...")
    assert len(row) == MAX_WIDE


@pytest.mark.parametrize("width", [40, 80])
def test_a_line_goes_on_below_where_the_terminal_ends(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parted at spaces, indented, and with every word; in a pipe it stays one line."""
    line = f"    {'name':<14} {' '.join(f'word{number}' for number in range(40))} \x1b"
    monkeypatch.setenv("COLUMNS", str(width))
    first, *rest = hanging(line, 8).splitlines()
    assert max(map(len, [first, *rest])) <= width
    assert first.startswith("    name           word0")
    assert all(each[:8].isspace() and each[8] != " " for each in rest)
    assert " ".join([first, *rest]).split() == line.replace("\x1b", "\\x1b").split()
    monkeypatch.delenv("COLUMNS")
    assert "\n" not in hanging(line, 8)
