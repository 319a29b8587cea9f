"""The picture: a bar for each contestant, a panel for each group, in one small SVG without scripts or fonts.

A bar's length is the ratio to the reference, so that panels with different units read alike: the line at 1 is the
reference, and a dashed line is the goal, where there is one.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from lab.bench.harness import machine
from lab.bench.harness.figures import Group, Result, Row
from lab.bench.harness.output.files import write
from lab.bench.harness.output.texts import number

WIDTH, MARGIN = 900, 24
NAMES, FIGURES = 275, 150  # columns left and right of the bars
BARS = WIDTH - 2 * MARGIN - NAMES - FIGURES
MEDIANS = 82  # of the figures' column: the room for medians
ROW, BAR, TITLE, FOOT, GAP = 26, 16, 44, 16, 22
INK, FAINT, OURS, PEER, GOAL = "#1b1f24", "#6a737d", "#0b6bcb", "#b6bec8", "#c2410c"
MIN_SCALE = 1.15
"""The axis reaches at least a little beyond the reference."""
STYLE = f"""
text {{ font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: {INK}; }}
.title {{ font-weight: 600; font-size: 15px; }}
.faint {{ fill: {FAINT}; font-size: 12px; }}
.ours {{ font-weight: 600; }}
"""


def write_chart(file: Path, results: Sequence[Result]) -> None:
    """Write the picture of all groups. Raises ReportUnwritable."""
    write(file, svg_of(results))


def svg_of(results: Sequence[Result]) -> str:
    shapes: list[str] = []
    y = MARGIN
    for group in (group for result in results for group in result.groups if group.reference):
        shapes += panel(group, y)
        y += height_of(group) + GAP
    shapes.append(text(MARGIN, y, machine.sentence(), "faint"))
    height = y + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" role="img">',
            "<title>Benchmark: the median of each contestant, as a ratio to a reference</title>",
            f"<style>{STYLE}</style>",
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            *shapes,
            "</svg>",
            "",
        ]
    )


def height_of(group: Group) -> int:
    return TITLE + ROW * len(group.rows) + FOOT


def panel(group: Group, y: int) -> Iterator[str]:
    """Yield the shapes of a group."""
    goals = [goal.ratio for goal in group.goals if goal.against == group.reference]
    scale = BARS / max(MIN_SCALE, *goals, *(group.ratio(row) or 0 for row in group.rows))
    better = "longer" if group.higher_is_better else "shorter"
    yield text(MARGIN, y + 14, group.title, "title")
    yield text(MARGIN, y + 31, f"{group.unit}, as a ratio to {group.reference}; {better} is better", "faint")
    top = y + TITLE
    bottom = top + ROW * len(group.rows)
    for index, row in enumerate(group.rows):
        yield from bar(group, row, top + index * ROW, scale)
    yield line(scale, top, bottom, INK, "")
    for goal in goals:
        yield line(goal * scale, top, bottom, GOAL, ' stroke-dasharray="4 3"')
        yield text(left(goal * scale), bottom + 13, f"goal {goal:g}", "faint", anchor="middle")


def bar(group: Group, row: Row, y: int, scale: float) -> Iterator[str]:
    """Yield one contestant: name, bar, ratio and figure."""
    ratio = group.ratio(row)
    middle = y + ROW / 2 + 4.5
    name = "ours" if row.ours else ""
    yield text(left(-10), middle, row.subject, name, anchor="end")
    if ratio is not None:
        length = max(1.0, ratio * scale)
        yield (
            f'<rect x="{left(0):.1f}" y="{y + (ROW - BAR) / 2:.1f}" width="{length:.1f}" height="{BAR}" rx="2" '
            f'fill="{OURS if row.ours else PEER}"/>'
        )
        yield text(WIDTH - MARGIN - MEDIANS, middle, f"{ratio:.2f}\N{MULTIPLICATION SIGN}", name, anchor="end")
    yield text(WIDTH - MARGIN, middle, number(row.median), "faint", anchor="end")


def left(offset: float) -> float:
    """Return an x coordinate, counted from where bars begin."""
    return MARGIN + NAMES + offset


def line(offset: float, top: float, bottom: float, colour: str, dashes: str) -> str:
    """Return an upright line through a panel."""
    x = left(offset)
    return f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" stroke="{colour}" stroke-width="1"{dashes}/>'


def text(x: float, y: float, content: str, style: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{escape(content)}</text>'
