"""Points along an axis, and the exponents that describe how their figures grow.

An exponent is the slope of a straight line through the logarithms: 1 is proportional, 0 is flat. It says nothing beyond
the points, and of figures that begin with a constant (a program's start, its first memory) less than the points do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from statistics import linear_regression


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured for `number` of something: seconds, processor seconds, and MiB at most of all processes."""

    number: int
    wall_s: float
    cpu_s: float
    peak_mib: float


FIGURES: tuple[tuple[str, Callable[[Point], float]], ...] = (
    ("s", lambda point: point.wall_s),
    ("processor s", lambda point: point.cpu_s),
    ("MiB at most", lambda point: point.peak_mib),
)


@dataclass(frozen=True, slots=True)
class Curve:
    """The points of one axis: `what` there is more and more of, and who was measured."""

    what: str
    subject: str
    points: tuple[Point, ...]

    def exponent(self, figure: Callable[[Point], float]) -> float | None:
        """Return the fitted exponent of a figure; None where fewer than two points have one."""
        return exponent([(point.number, figure(point)) for point in self.points])


def exponent(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return the slope of log(value) over log(number); a value of 0 has no logarithm, and is left out."""
    logs = [(log(number), log(value)) for number, value in pairs if number > 0 and value > 0]
    if len({number for number, _ in logs}) < 2:
        return None
    return linear_regression([number for number, _ in logs], [value for _, value in logs]).slope


def rounded(value: float | None) -> str:
    """Return an exponent as it is shown."""
    return "-" if value is None else f"{value:.2f}"
