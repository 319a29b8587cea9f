"""Counts, percentiles and progress."""

import random
import statistics

import pytest

from services.client.head import HeadReader
from services.client.survey import progress
from services.client.survey.progress import LineProgress, Progress, duration
from services.client.survey.results.record import Record
from services.client.survey.results.stats import Histogram, Stats, summary


def test_percentiles_are_within_one_percent() -> None:
    """From microseconds to minutes, in a fixed amount of memory."""
    random.seed(4)
    times = [random.lognormvariate(-4, 2) for _ in range(20_000)]
    histogram = Histogram()
    for seconds in times:
        histogram.add(seconds)
    exact = statistics.quantiles(times, n=100, method="inclusive")
    for percent in (1, 50, 95, 99):
        assert histogram.percentile(percent) == pytest.approx(exact[percent - 1], rel=0.02)
    assert histogram.count == 20_000
    assert len(histogram.dump()) < 2_000


def test_a_time_of_nothing_is_counted() -> None:
    """A cached name takes no time that a clock would show."""
    histogram = Histogram()
    histogram.add(0.0)
    assert histogram.percentile(50) == pytest.approx(1e-6, rel=0.1)
    assert Histogram().percentile(50) == 0.0


def some_tally() -> Stats:
    """Return the statistics of two answers and an error."""
    tally = Stats()
    for status in (b"200", b"404"):
        head = HeadReader().feed(b"HTTP/1.1 " + status + b" x\r\n\r\n")
        tally.add(Record(1, "a", "asyncio", head=head, dns_s=0.001, connect_s=0.01, head_s=0.1, total_s=0.111))
    tally.add(Record(1, "a", "asyncio", error="dns", dns_s=0.001, total_s=0.001))
    return tally


def test_many_records_are_counted_as_each_alone() -> None:
    """In one call, and none in a call without any; a phase that was not reached has no time."""
    records = [Record(1, "a", "asyncio", error="dns", dns_s=number / 9, total_s=0.5) for number in range(9)]
    together, alone = Stats(), Stats()
    together.add(*records)
    together.add()
    for record in records:
        alone.add(record)
    assert together.dump() == alone.dump()
    assert [histogram.count for histogram in together.phases.values()] == [9, 0, 0, 0, 9]


def test_the_summary_is_by_class_error_and_phase() -> None:
    """A phase without a time has no row."""
    lines = summary(some_tally(), took_s=2.0, skipped=7)
    assert lines == [
        "3 targets in 2.0 s, 2 a second: 2 answered, 1 not; 7 were done before",
        "  status  2xx 1  4xx 1",
        "  error   dns 1",
        "  ms           count       p50       p95       p99",
        "  dns              3       1.0       1.0       1.0",
        "  connect          2      10.0      10.0      10.0",
        "  head             2      99.3      99.3      99.3",  # within one percent
        "  total            3     111.9     111.9     111.9",
    ]


def test_progress_is_a_line_from_time_to_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Targets done, speed, in flight, failed, and the time left where it can be known."""
    now = [0.0]
    monkeypatch.setattr("services.client.survey.progress.time.monotonic", lambda: now[0])
    lines = LineProgress()
    for moment in (0.1, 4.9, 5.0, 5.1, 10.0):
        now[0] = moment
        lines.show(Progress(some_tally(), 64, 0.25 if moment < 10 else None))
    assert capsys.readouterr().err.splitlines() == [
        "3 done, 25%, about 0:15 left, 1/s, 64 in flight, errors: dns 1",
        "3 done, 0/s, 64 in flight, errors: dns 1",
    ]


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (59.6, "1:00"), (3_599, "59:59"), (3_661, "1:01:01")])
def test_a_time_is_written_for_people(seconds: float, text: str) -> None:
    """Minutes and seconds, and hours where there are any."""
    assert duration(seconds) == text


def test_without_a_terminal_nothing_heavy_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """rich is for terminals only."""
    import sys

    monkeypatch.delitem(sys.modules, "rich.live", raising=False)
    assert isinstance(progress.progress_view(quiet=False), LineProgress)
    assert "rich.live" not in sys.modules
