"""Draws in a terminal what ran when. Each lane is a line, and all lanes have one time axis.

    www.sina.com.cn █───────────────█
    www.sohu.com    █────────────█
                    0              0.5

A cell shows what its lane did in one part of the time. A task often runs for so short a time that no cell would show
it. So a cell in which a lane ran at all shows that it ran; but a wait that reaches into two cells or more is shown in
one of them at least. In a chart whose lanes take turns, a cell shows what took most of its time.
"""

from dataclasses import dataclass
from math import ceil
from textwrap import wrap

from rich.cells import cell_len, set_cell_size

from services.client.trace.terminal import Terminal
from services.client.trace.ticks import tick_step
from services.runtime.terminal import printable

INDENT = 2
MIN_CELLS = 12  # of a lane, however long the labels are
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
GREEN, RESET = "\x1b[32m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Span:
    """A time of a lane: in it, the lane ran or waited."""

    begin_s: float
    end_s: float
    runs: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """A line of a chart. `note` is printed behind it: how it ended, if not well."""

    label: str
    spans: tuple[Span, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Lanes that belong together, under a title; `figure` stands at the right end of the title's line."""

    title: str
    figure: str
    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Groups of lanes on one time axis, from 0 to `until_s`. `takes_turns`: only one lane runs at a time."""

    groups: tuple[Group, ...]
    until_s: float
    takes_turns: bool = False


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters for running, for waiting, for what was cut off, and for the line and the ticks of the axis."""

    runs: str
    waits: str
    cut: str
    line: str
    tick: str


UNICODE = Glyphs(runs="█", waits="─", cut="…", line="─", tick="┬")
ASCII = Glyphs(runs="#", waits="-", cut="~", line="-", tick="+")


def glyphs_of(terminal: Terminal) -> Glyphs:
    """Return the glyphs that a terminal can show."""
    return UNICODE if terminal.unicode else ASCII


def draw(chart: Chart, terminal: Terminal) -> list[str]:
    """Return the lines of a chart, none wider than the terminal."""
    glyphs = glyphs_of(terminal)
    lanes = [lane for group in chart.groups for lane in group.lanes]
    labels = [in_encoding(lane.label, terminal) for lane in lanes]
    most = max(0, min(terminal.columns * 2 // 5, terminal.columns - INDENT - 1 - MIN_CELLS))
    wide = min(max((cell_len(label) for label in labels), default=0), most)
    cells = terminal.columns - INDENT - wide - 1
    lines = []
    names = iter(labels)
    for group in chart.groups:
        lines += title_lines(group, terminal)
        for lane in group.lanes:
            drawn = bar(lane, cells, chart, glyphs)
            label = fitted(next(names), wide, glyphs)
            lines.append(" " * INDENT + label + " " + with_note(drawn, lane.note, cells, terminal))
    lines += [" " * (INDENT + wide + 1) + line for line in axis(chart.until_s, cells, terminal)]
    return [line.rstrip() for line in lines]


def in_encoding(text: str, terminal: Terminal) -> str:
    """Return text as the terminal shows it: control characters and what it has no bytes for are escaped."""
    encoding = terminal.encoding if terminal.unicode else "ascii"
    return printable(text).encode(encoding, "backslashreplace").decode(encoding)


def fitted(text: str, wide: int, glyphs: Glyphs) -> str:
    """Return text in exactly so many columns. One that is too long is cut in the middle: names differ at both ends."""
    if cell_len(text) <= wide:
        return text + " " * (wide - cell_len(text))
    if wide < 3:
        return set_cell_size(text, wide)
    before = (wide - 1 + 1) // 2
    behind = wide - 1 - before
    head, tail = set_cell_size(text, before), ""
    for character in reversed(text):
        if cell_len(character + tail) > behind:
            break
        tail = character + tail
    return set_cell_size(head + glyphs.cut + tail, wide)


def title_lines(group: Group, terminal: Terminal) -> list[str]:
    """Return a group's title, and its figure at the right end of the first line."""
    room = max(1, terminal.columns - cell_len(group.figure) - 2)
    first, *rest = wrapped(group.title, terminal, columns=room) or [""]
    return [f"{set_cell_size(first, room)}  {group.figure}", *rest]


def wrapped(text: str, terminal: Terminal, *, columns: int = 0) -> list[str]:
    """Return text in lines of so many columns at most (0: the terminal's)."""
    return wrap(in_encoding(text, terminal), columns or terminal.columns, break_on_hyphens=False)


def bar(lane: Lane, cells: int, chart: Chart, glyphs: Glyphs) -> str:
    """Return what a lane did, a character for each cell."""
    ran, waited = [0.0] * cells, [0.0] * cells
    waits: list[range] = []
    scale = cells / chart.until_s if chart.until_s > 0 else 0.0
    for span in lane.spans:
        begin, end = (max(0.0, min(each * scale, cells)) for each in (span.begin_s, span.end_s))
        shares = ran if span.runs else waited
        first = min(int(begin), cells - 1)
        reached = range(first, max(first + 1, min(ceil(end), cells)))
        if not span.runs:
            waits.append(reached)
        for cell in reached:
            # A span without length counts for a little, so that its cell shows it.
            shares[cell] += max(min(end, cell + 1) - max(begin, cell), 1e-9)
    drawn = [_glyph(run, wait, chart.takes_turns, glyphs) for run, wait in zip(ran, waited, strict=True)]
    for reached in () if chart.takes_turns else waits:
        if len(reached) > 1 and glyphs.waits not in drawn[reached.start : reached.stop]:
            drawn[reached[-1]] = glyphs.waits
    return "".join(drawn)


def _glyph(ran: float, waited: float, takes_turns: bool, glyphs: Glyphs) -> str:
    if ran and (not takes_turns or ran > waited):
        return glyphs.runs
    return glyphs.waits if waited else " "


def with_note(drawn: str, note: str, cells: int, terminal: Terminal) -> str:
    """Return a bar with its note behind it, or over its end where there is no room; coloured where the terminal is."""
    if note:
        text = " " + in_encoding(note, terminal)
        bar_cells = min(len(drawn.rstrip()), max(0, cells - cell_len(text)))
        return coloured(drawn[:bar_cells], terminal) + set_cell_size(text, min(cell_len(text), cells))
    return coloured(drawn, terminal)


def coloured(drawn: str, terminal: Terminal) -> str:
    """Return a bar with its running parts in green. Without colour, their glyph still tells them apart."""
    if not terminal.colour:
        return drawn
    runs = glyphs_of(terminal).runs
    parts: list[str] = []
    for before, character in zip(" " + drawn, drawn, strict=False):
        if character == runs and before != runs:
            parts.append(GREEN)
        elif before == runs and character != runs:
            parts.append(RESET)
        parts.append(character)
    return "".join(parts) + (RESET if drawn.endswith(runs) else "")


def axis(until_s: float, cells: int, terminal: Terminal) -> list[str]:
    """Return the time axis: a line with ticks, and the times below it, the last with its unit."""
    glyphs = glyphs_of(terminal)
    unit_s, unit = next((each for each in UNITS if until_s >= each[0]), UNITS[-1])
    unit = unit if terminal.unicode or unit.isascii() else "us"
    step = tick_step(until_s / unit_s, most=max(1, cells // 10))
    line, times = [glyphs.line] * cells, [" "] * (cells + 1)
    number, free_from = 0, 0
    while (value := number * step) * unit_s <= until_s and until_s > 0:
        place = min(int(value * unit_s / until_s * cells), cells - 1)
        text = f"{value:g} {unit}" if number == 0 else f"{value:g}"
        if place >= free_from and place + len(text) <= cells:
            line[place] = glyphs.tick
            times[place : place + len(text)] = text
            free_from = place + len(text) + 1
        number += 1
    return ["".join(line), "".join(times[:cells])]
