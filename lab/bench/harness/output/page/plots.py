"""Scaling curves on log axes: where each point and each line of the grid is, in pixels of a small picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from lab.bench.harness.curve import FIGURES, Curve, rounded

WIDTH, HEIGHT = 320, 200
LEFT, RIGHT, TOP, BOTTOM = 46, 26, 10, 30


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the grid: where it is, and what it stands for."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure of a curve; `points` are (x, y) in pixels."""

    name: str
    exponent: str
    points: tuple[tuple[float, float], ...]
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Plots:
    """A curve: a plot for each of its figures."""

    what: str
    subject: str
    plots: tuple[Plot, ...]


def plots_of(curve: Curve) -> Plots:
    """Return what is drawn of a curve."""
    return Plots(curve.what, curve.subject, tuple(plotted(curve)))


def plotted(curve: Curve) -> Iterator[Plot]:
    """Yield a plot for each figure that has values; 0 has no place on a log axis."""
    for name, figure in FIGURES:
        pairs = [(point.number, figure(point)) for point in curve.points if figure(point) > 0]
        if not pairs:
            continue
        across, up = Axis([x for x, _ in pairs], LEFT, WIDTH - RIGHT), Axis([y for _, y in pairs], HEIGHT - BOTTOM, TOP)
        points = tuple((across.place(x), up.place(y)) for x, y in pairs)
        yield Plot(name, rounded(curve.exponent(figure)), points, across.marks(), up.marks())


class Axis:
    """A log axis over whole decades, from pixel `begin` to pixel `end`."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        self.least, most = floor(log10(min(values))), ceil(log10(max(values)))
        self.decades = max(1, most - self.least)
        self.begin, self.end = begin, end

    def place(self, value: float) -> float:
        """Return the pixel of a value."""
        return round(self.begin + (self.end - self.begin) * (log10(value) - self.least) / self.decades, 1)

    def marks(self) -> tuple[Mark, ...]:
        """Return a mark for each power of ten."""
        powers = range(self.least, self.least + self.decades + 1)
        return tuple(
            Mark(self.place(10.0**power), f"{10.0**power:,g}" if power < 6 else f"10^{power}") for power in powers
        )
