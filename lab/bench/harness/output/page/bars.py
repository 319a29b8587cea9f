"""Ratios as bars: what the template draws of a group, in parts of its widest bar."""

from collections.abc import Iterator
from dataclasses import dataclass

from lab.bench.harness.figures import Group, Row
from lab.bench.harness.output.texts import goal_line, number

WIDTH = 1_000.0
ROOM = 1.05  # beyond the widest


@dataclass(frozen=True, slots=True)
class Bar:
    """One contestant: its bar and the line of its spread, in WIDTH; `said`: its figures as text."""

    name: str
    ours: bool
    length: float
    least: float
    most: float
    said: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A group: `one` is where the reference is, `goals` where the goals are; `promises` says which are reached."""

    title: str
    lede: str
    one: float
    goals: tuple[float, ...]
    bars: tuple[Bar, ...]
    promises: tuple[str, ...]


def bars_of(group: Group, *, is_quotable: bool = True) -> Bars:
    """Return what is drawn of a group; a group without a reference is drawn by its values."""
    spans = [values_of(group, row) for row in group.rows]
    goals = [goal.ratio for goal in group.goals if goal.against == group.reference]
    widest = max([*(most for _, _, most in spans), *goals, 1.0 if group.reference else 0.0]) * ROOM or 1.0
    scale = WIDTH / widest
    better = {True: "longer is better", False: "shorter is better", None: "not compared"}[group.higher_is_better]
    as_ratio = f", as a ratio to {group.reference}" if group.reference else ""
    return Bars(
        group.title,
        f"{group.unit}{as_ratio}; {better}",
        scale if group.reference else 0.0,
        tuple(goal * scale for goal in goals),
        tuple(drawn(group, scale)),
        tuple(goal_line(group, goal, is_quotable=is_quotable) for goal in group.goals),
    )


def values_of(group: Group, row: Row) -> tuple[float, float, float]:
    """Return the median of a row's ratios, or of its values, with the least and the greatest."""
    values = group.ratios(row) if group.reference else row.values
    middle = group.ratio(row) if group.reference else row.median
    return (middle or 0.0, min(values, default=0.0), max(values, default=0.0))


def drawn(group: Group, scale: float) -> Iterator[Bar]:
    """Yield the bars."""
    for row in group.rows:
        middle, least, most = values_of(group, row)
        ratio = f"{middle:.2f} \N{MULTIPLICATION SIGN}, " if group.reference else ""
        spread = f" ±{row.spread / 2:.0%}" if len(row.values) > 1 else ""
        said = f"{ratio}{number(row.median)}{spread}"
        yield Bar(row.subject, row.ours, middle * scale, least * scale, most * scale, said)
