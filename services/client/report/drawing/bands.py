"""Bands: how many lanes there were at each time, how deep a queue was, how late the loop was.

A band is one SVG path in a box of WIDTH by HEIGHT units, which the page stretches to its own width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.client.report.drawing.groups import MANY
from services.client.report.drawing.shapes import Axis
from services.client.report.lanes import Lane
from services.client.report.numbers import duration, numbers_of
from services.client.report.panels import Panel, Point
from services.client.report.words import Words
from services.runtime.terminal import printable

WIDTH, HEIGHT = 1000, 40
CELLS = 250
LATE_S, LATE = 0.02, 0.05  # a loop has a band if it was later than that, and than this share of the run
MOST_QUEUES = 8


@dataclass(frozen=True, slots=True)
class Band:
    """A band: its label, the largest value in words, and its paths, each with a class of style."""

    label: str
    most: str
    paths: tuple[tuple[str, str], ...]


def bands_of(panel: Panel, axis: Axis, say: Words) -> Iterator[Band]:
    """Yield the bands of a panel: of its lanes where they are many, of its queues, of a loop that was late."""
    if len(panel.work) > MANY:
        most = say("at_most", count=f"{numbers_of(panel).most:,}")
        yield Band(say("at_a_time"), most, (("w", lanes_path(panel.work, axis)),))
        path, share = work_path(panel.lanes, axis)
        yield Band(say("thread_busy"), say("at_most", count=f"{share:.0%}"), (("r", path),))
    for curve in panel.depths[:MOST_QUEUES]:
        path = curve_path(curve.points, curve.most, axis)
        name = say("depth_of", name=printable(curve.name))
        yield Band(name, say("at_most", count=f"{curve.most:,.0f}"), (("q", path),))
    if panel.lag.most >= max(LATE_S, LATE * panel.total_s):
        path = curve_path(panel.lag.points, panel.lag.most, axis)
        yield Band(say("loop_lag"), say("at_most", count=duration(panel.lag.most)), (("l", path),))


def lanes_path(lanes: Sequence[Lane], axis: Axis) -> str:
    """Return the path of how many lanes there were at each time."""
    cells = [0.0] * CELLS
    for lane in lanes:
        add(cells, lane.span.begin_s, lane.span.end_s, axis)
    return cells_path(cells, max(cells, default=0.0) or 1.0)


def work_path(lanes: Sequence[Lane], axis: Axis) -> tuple[str, float]:
    """Return the path of how much of each time lanes ran, of one thread's whole; and the most, as a share."""
    cells = [0.0] * CELLS
    for lane in lanes:
        for run in lane.runs:
            add(cells, run.begin_s, run.end_s, axis)
    most = max(cells, default=0.0)
    return cells_path(cells, max(1.0, most)), most


def add(cells: list[float], begin_s: float, end_s: float, axis: Axis) -> None:
    """Add a time to the cells that it covers, to each by the share that it covers."""
    begin, end = axis.percent(begin_s) / 100 * CELLS, axis.percent(end_s) / 100 * CELLS
    for number in range(int(begin), min(CELLS, int(end) + 1)):
        cells[number] += max(0.0, min(end, number + 1) - max(begin, number))


def cells_path(cells: Sequence[float], most: float) -> str:
    """Return the path of an area over cells."""
    points = [Point(float(number), value) for number, value in enumerate(cells)]
    return steps_path([*points, Point(float(CELLS), 0.0)], most=most, until=CELLS)


def curve_path(points: Sequence[Point], most: float, axis: Axis) -> str:
    """Return the path of an area below a value that stays as it is until the next one."""
    last = Point(axis.until_s, points[-1].value) if points else Point(0.0, 0.0)
    return steps_path([*thinned(points), last], most=most or 1.0, until=axis.until_s or 1.0)


def thinned(points: Sequence[Point]) -> list[Point]:
    """Return no more points than can be seen; of those that are left out for one, that has the largest value."""
    size = max(1, len(points) // (2 * CELLS))
    chunks = (points[start : start + size] for start in range(0, len(points), size))
    return [Point(chunk[0].at_s, max(each.value for each in chunk)) for chunk in chunks]


def steps_path(points: Sequence[Point], *, most: float, until: float) -> str:
    """Return the path of steps: across to each point, then up or down to its value."""
    parts = [f"M0 {HEIGHT}"]
    for point in points:
        x = min(WIDTH, point.at_s / until * WIDTH)
        parts.append(f"H{x:.5g}V{HEIGHT - point.value / most * HEIGHT:.3g}")
    return "".join(parts) + f"V{HEIGHT}Z"
