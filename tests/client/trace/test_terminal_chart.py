"""Lanes: a chart is never wider than the terminal, and its lines say the same in every width, encoding and colour."""

import itertools
import re

import pytest
from rich.cells import cell_len

from services.client.trace.terminal import Terminal
from services.client.trace.terminal_chart import Chart, Group, Lane, Span, draw, fitted, glyphs_of, wrapped

LABELS = {
    "hosts": ("www.sina.com.cn", "www.sohu.com", "www.163.com"),
    "short": ("a", "b", ""),
    "long": ("x" * 300, "www.a-host-with-a-long-name.example.org", "y"),
    "wide": ("新浪网" * 20, "搜狐", "e\u0301" * 30),
    "hostile": ("\x1b[2J\x9b\r\n", "\t", "a\x00b"),
}
COLUMNS = (40, 41, 60, 79, 80, 120, 200)


def fetch(begin_s: float, took_s: float) -> tuple[Span, ...]:
    """Return a fetch: it sends a request, waits and reads."""
    end_s = begin_s + took_s
    return (
        Span(begin_s, begin_s + 0.0005, runs=True),
        Span(begin_s + 0.0005, end_s - 0.0005, runs=False),
        Span(end_s - 0.0005, end_s, runs=True),
    )


def chart(labels: tuple[str, str, str], note: str = "") -> Chart:
    """Return three fetches, one after another and at once."""
    in_turn = tuple(
        Lane(label, fetch(begin_s, took_s), note)
        for label, begin_s, took_s in zip(labels, (0, 0.5, 0.9), (0.5, 0.4, 0.3), strict=True)
    )
    at_once = tuple(Lane(label, fetch(0, took_s)) for label, took_s in zip(labels, (0.5, 0.4, 0.3), strict=True))
    return Chart((Group("one after another", "1.200 s", in_turn), Group("at once", "0.500 s", at_once)), 1.2)


TERMINALS = [
    Terminal(columns=columns, unicode=unicode, colour=colour, encoding="utf-8" if unicode else "ascii")
    for columns, unicode, colour in itertools.product(COLUMNS, (True, False), (True, False))
]


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("note", ["", "no answer", "a note that is far too long for any lane " * 5])
def test_no_line_is_wider_than_the_terminal(kind: str, note: str) -> None:
    """For any names and any width; no line has a control character, or one that the terminal lacks."""
    for terminal in TERMINALS:
        for line in draw(chart(LABELS[kind], note), terminal):
            plain = re.sub(r"\x1b\[(32|0)m", "", line) if terminal.colour else line
            assert cell_len(plain) <= terminal.columns
            assert plain.isprintable()
            line.encode(terminal.encoding)


@pytest.mark.parametrize("terminal", TERMINALS, ids=repr)
def test_running_and_waiting_are_told_apart_by_glyph_in_every_lane(terminal: Terminal) -> None:
    """Each lane runs, waits, and runs, however short its runs are; a fetch that comes later begins later."""
    glyphs = glyphs_of(terminal)
    plain = [re.sub(r"\x1b\[\d+m", "", line) for line in draw(chart(LABELS["hosts"]), terminal)]
    bars = [line[line.index(glyphs.runs) :] for line in plain if line.startswith("  www.")]
    starts = [line.index(glyphs.runs) for line in plain if line.startswith("  www.")]
    shape = re.compile(rf"{re.escape(glyphs.runs)}+{re.escape(glyphs.waits)}+{re.escape(glyphs.runs)}+")
    assert all(shape.fullmatch(each) for each in bars), plain
    assert starts[0] < starts[1] < starts[2]
    assert starts[3] == starts[4] == starts[5] == starts[0]
    assert len(bars[3]) > len(bars[4]) > len(bars[5])


@pytest.mark.parametrize("count", [5, 20, 33, 40])
def test_a_wait_keeps_a_cell_where_its_lane_has_two(count: int) -> None:
    """Equal waits look alike: none is hidden by what ran at its ends. And the first run is shown all the same."""
    lanes = tuple(Lane(f"user-{n}", fetch(n * 0.5, 0.5)) for n in range(count))
    drawn = draw(Chart((Group("", "", lanes),), count * 0.5), Terminal(80))
    bars = [line.split()[1] for line in drawn if line.startswith("  user-")]
    assert len(bars) == count
    assert all(bar.startswith("█") and ("─" in bar or len(bar) == 1) for bar in bars), drawn


def test_the_same_fetch_is_as_long_in_both_groups() -> None:
    """One time axis for all lanes: what is compared is compared by its length."""
    lines = [line for line in draw(chart(LABELS["hosts"]), Terminal(120)) if line.startswith("  www.")]
    lengths = [len(line[18:].strip()) for line in lines]
    assert all(abs(before - after) <= 1 for before, after in zip(lengths[:3], lengths[3:], strict=True))


def test_colour_adds_nothing_but_colour() -> None:
    """Without its codes, the coloured chart is the other one."""
    plain, coloured = (draw(chart(LABELS["hosts"]), Terminal(colour=colour)) for colour in (False, True))
    assert [re.sub(r"\x1b\[\d+m", "", line) for line in coloured] == plain
    assert any("\x1b[32m" in line for line in coloured)
    assert all(line.count("\x1b[32m") == line.count("\x1b[0m") for line in coloured)


def test_a_chart_at_60_columns() -> None:
    """To the character."""
    assert draw(chart(LABELS["hosts"]), Terminal(60)) == [
        "one after another                                    1.200 s",
        "  www.sina.com.cn █────────────────█",
        "  www.sohu.com                     █─────────────█",
        "  www.163.com                                    █─────────█",
        "at once                                              0.500 s",
        "  www.sina.com.cn █────────────────█",
        "  www.sohu.com    █────────────█",
        "  www.163.com     █─────────█",
        "                  ┬────────────────┬─────────────────┬──────",
        "                  0 s              0.5               1",
    ]


def test_lanes_that_take_turns_never_run_in_the_same_cell() -> None:
    """A cell has what took most of it."""
    turns = [number * 0.013 for number in range(40)]
    one, other = (
        Lane(label, tuple(Span(begin, begin + 0.013, runs=bool(n % 2) is odd) for n, begin in enumerate(turns)))
        for label, odd in (("one", True), ("other", False))
    )
    for columns in COLUMNS:
        lines = draw(Chart((Group("", "", (one, other)),), 0.52, takes_turns=True), Terminal(columns))
        cells = list(zip(lines[1][8:], lines[2][8:], strict=True))
        assert ("█", "█") not in cells
        assert ("█", "─") in cells


@pytest.mark.parametrize(
    ("text", "wide", "expected"),
    [
        ("abc", 5, "abc  "),
        ("abcdefgh", 8, "abcdefgh"),
        ("abcdefgh", 7, "abc…fgh"),
        ("abcdefgh", 3, "a…h"),
        ("abcdefgh", 2, "ab"),
        ("abc", 0, ""),
        ("新浪搜狐网易", 12, "新浪搜狐网易"),
        ("新浪搜狐网易", 9, "新浪…网易"),
        ("新浪搜狐网易", 8, "新浪…易 "),
        ("新浪搜狐网易", 4, "新… "),
    ],
)
def test_a_name_that_is_too_long_is_cut_in_the_middle(text: str, wide: int, expected: str) -> None:
    """To exactly so many columns, and never through a wide character."""
    assert fitted(text, wide, glyphs_of(Terminal())) == expected
    assert cell_len(expected) == wide


@pytest.mark.parametrize("until_s", [0.0, 1e-9, 42e-6, 0.000999, 0.0421, 0.24, 1.0, 1.5, 7.3, 59.9, 3600.0])
@pytest.mark.parametrize("columns", COLUMNS)
def test_the_axis_has_round_times_in_the_unit_that_fits(until_s: float, columns: int) -> None:
    """From 0, rising, each where its tick is, not one upon another."""
    lane = Lane("lane", (Span(0, until_s, runs=True),))
    for terminal in (Terminal(columns), Terminal(columns, unicode=False, encoding="ascii")):
        *_, line, times = draw(Chart((Group("", "", (lane,)),), until_s), terminal)
        found = [(each.start(), float(each[0])) for each in re.finditer(r"[\d.]+", times)]
        ticks = [place for place, each in enumerate(line) if each == glyphs_of(terminal).tick]
        assert [place for place, _ in found] == ticks
        values = [value for _, value in found]
        assert values == sorted(set(values))
        if until_s >= 1e-6:
            assert values[0] == 0
            assert len(values) >= 2
            assert times.split()[1] in {"s", "ms", "µs" if terminal.unicode else "us"}


def test_long_text_is_wrapped_and_escaped() -> None:
    """Between words; characters that a terminal cannot show are escaped."""
    lines = wrapped("one two three 新浪 " * 10, Terminal(40, unicode=False, encoding="ascii"))
    assert len(lines) > 1
    assert all(len(line) <= 40 and line.isascii() for line in lines)
