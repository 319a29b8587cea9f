"""The whole of `lab bench scale`: every axis, a curve each."""

from collections.abc import Callable, Iterator, Sequence

from lab.bench.errors import BenchFailed
from lab.bench.harness import memory
from lab.bench.harness.curve import FIGURES, Curve, Point, rounded
from lab.bench.harness.figures import Cell, Result, Table
from lab.bench.harness.rounds import Rounds, Say
from lab.bench.pipeline.result import broker_missing
from lab.bench.scale import axes

WORKERS = "workers"
Axis = tuple[str, str, Callable[[int], Point], tuple[int, ...], int]
AXES: tuple[Axis, ...] = (  # what, who, how a point is measured, its numbers, how many of them --quick takes
    ("targets", "client wget, uvloop", axes.targets, (1_000, 10_000, 100_000, 1_000_000), 2),
    ("items", "client pipeline, queue, uvloop", axes.items, (1_000, 10_000, 100_000, 1_000_000), 2),
    (WORKERS, "client pipeline, jetstream: 250 jobs for each worker", axes.workers_of_pipeline, (1, 2, 4, 8), 2),
    ("recorded hosts", "services.sites until they answer", axes.recorded_hosts, (1, 10, 100, 1_000), 2),
    ("connections", "services.sites, an answer to each", axes.connections, (1, 10, 100, 1_000, 10_000), 2),
)


def bench(rounds: Rounds, say: Say) -> Result:
    """Measure every axis; in a short bench, its first points."""
    missing = broker_missing()
    curves = tuple(measured(rounds, say, without=WORKERS if missing else ""))
    return Result(
        "scale",
        (),
        method=(
            "whole programs, from start to end, on any core, output to /dev/null",
            memory.METHOD,
            "workers: producer, broker and workers together; each point has a new server, or a new broker",
            "one measure a point; exponents: least squares through the logarithms, 1 is proportional, 0 is flat",
        ),
        notes=(missing,) if missing else (),
        tables=tuple(table_of(curve) for curve in curves),
        curves=curves,
    )


def measured(rounds: Rounds, say: Say, *, without: str = "") -> Iterator[Curve]:
    """Yield a curve for each axis but `without`. Raises BenchFailed."""
    for what, subject, point, numbers, quick in AXES:
        if what == without:
            continue
        wanted = numbers[:quick] if rounds.is_short else numbers
        yield Curve(what, subject, tuple(measure(point, number, what, say) for number in wanted))


def measure(point: Callable[[int], Point], number: int, what: str, say: Say) -> Point:
    """Return one point. Raises BenchFailed."""
    say(f"scale: {number:,} {what}")
    try:
        return point(number)
    except OSError as error:
        raise BenchFailed(f"{number:,} {what}", why=str(error)) from error


def table_of(curve: Curve) -> Table:
    """Return the points of a curve as rows, and the exponents below them."""
    rows: list[Sequence[Cell]] = [
        (f"{point.number:,}", *(figure(point) for _, figure in FIGURES)) for point in curve.points
    ]
    rows.append(("fitted exponent", *(rounded(curve.exponent(figure)) for _, figure in FIGURES)))
    return Table(f"scale: {curve.what} ({curve.subject})", (curve.what, *(name for name, _ in FIGURES)), tuple(rows))
