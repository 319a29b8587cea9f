"""Scaling: exponents of known curves, and every axis with its smallest points."""

from collections.abc import Callable

import pytest

from lab.bench.errors import BenchFailed
from lab.bench.harness.curve import Curve, Point, exponent
from lab.bench.harness.rounds import QUICK
from lab.bench.pipeline.result import broker_missing
from lab.bench.scale import axes, result

NUMBERS = (1, 10, 100, 1_000)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_is_that_power(power: float) -> None:
    """Whatever its factor."""
    assert exponent([(number, 7 * number**power) for number in NUMBERS]) == pytest.approx(power)


@pytest.mark.parametrize("pairs", [[], [(10, 1.0)], [(10, 1.0), (10, 2.0)], [(1, 0.0), (10, 1.0)]])
def test_fewer_than_two_points_have_no_exponent(pairs: list[tuple[float, float]]) -> None:
    """A processor time below the kernel's tick is 0, and no point."""
    assert exponent(pairs) is None


def test_a_curve_is_a_table_with_its_exponents_last() -> None:
    """Time in proportion, memory flat."""
    curve = Curve("items", "a program", tuple(Point(number, number / 10, 0.0, 30.0) for number in NUMBERS))
    table = result.table_of(curve)
    assert table.columns == ("items", "s", "processor s", "MiB at most")
    assert table.rows[-2:] == (("1,000", 100.0, 0.0, 30.0), ("fitted exponent", "1.00", "-", "0.00"))


def test_a_short_bench_takes_the_first_points_of_each_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says what it measures."""
    fake = tuple((*axis[:2], lambda number: Point(number, 1.0, 1.0, 1.0), *axis[3:]) for axis in result.AXES)
    monkeypatch.setattr(result, "AXES", fake)
    said: list[str] = []
    curves = list(result.measured(QUICK, said.append))
    assert [len(curve.points) for curve in curves] == [axis[4] for axis in result.AXES]
    assert said[0] == "scale: 1,000 targets"


def test_what_the_system_refuses_is_one_line() -> None:
    """As a machine without files for so many connections."""

    def refuses(_number: int) -> Point:
        raise OSError(24, "Too many open files")

    with pytest.raises(BenchFailed, match=r"10 connections could not be measured, .*Too many open files"):
        result.measure(refuses, 10, "connections", lambda _: None)


@pytest.mark.parametrize("point", [axes.targets, axes.items, axes.recorded_hosts, axes.connections])
def test_each_axis_measures_a_point(point: Callable[[int], Point]) -> None:
    """Of three: it took time and memory."""
    found = point(3)
    assert found.number == 3
    assert found.wall_s > 0
    assert found.peak_mib > 5


@pytest.mark.skipif(bool(broker_missing()), reason="the broker is not installed")
def test_workers_are_measured_with_their_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of them, ten jobs each."""
    monkeypatch.setattr(axes, "JOBS_PER_WORKER", 10)
    assert axes.workers_of_pipeline(2).peak_mib > 50
