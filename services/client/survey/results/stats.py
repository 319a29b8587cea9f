"""The statistics of a survey: counts, and percentiles of each phase in a fixed amount of memory.

A time goes into the bucket of its logarithm; buckets are 2 % wide, so a percentile is within 1 % of the true one.
"""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping

from services.client.survey.results.record import PHASES, Record

BUCKETS_PER_E = 50  # each 2 % wide
MIN_S = 1e-6


class Histogram:
    """Times, in buckets of logarithmic width."""

    def __init__(self) -> None:
        self._buckets: defaultdict[int, int] = defaultdict(int)

    @property
    def count(self) -> int:
        """How many times were counted."""
        return sum(self._buckets.values())

    def add(self, *times: float | None) -> None:
        """Count times, in seconds; None is no time."""
        buckets, floor, log = self._buckets, math.floor, math.log
        for seconds in times:  # many at once: a call for each would take as long again
            if seconds is not None:
                buckets[floor(log(seconds + MIN_S) * BUCKETS_PER_E)] += 1

    def dump(self) -> dict[int, int]:
        """Return the buckets."""
        return dict(self._buckets)

    def load(self, buckets: Mapping[str, int]) -> None:
        """Add buckets, as JSON has them."""
        for bucket, count in buckets.items():
            self._buckets[int(bucket)] += count

    def percentile(self, percent: float) -> float:
        """Return the seconds that this percentage of the times do not exceed, the middle of their bucket."""
        wanted = math.ceil(self.count * percent / 100)
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return math.exp((bucket + 0.5) / BUCKETS_PER_E)
        return 0.0


class Stats:
    """Counts of records: answered or not, by status class, by error, and the times of each phase."""

    def __init__(self) -> None:
        self.done = 0
        self.answered = 0
        self.retried = 0
        self.statuses: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.phases = {phase: Histogram() for phase in PHASES}

    def add(self, *records: Record) -> None:
        """Count records. Times of a phase that failed are counted too: that is how long it took to fail."""
        self.done += len(records)
        for record in records:
            self.retried += len(record.retried)
            if record.head is not None:
                self.answered += 1
                self.statuses[f"{record.head.status // 100}xx"] += 1
            else:
                self.errors[record.error or ""] += 1
        if records:
            times = zip(*(record.seconds() for record in records), strict=True)
            for histogram, of_phase in zip(self.phases.values(), times, strict=True):
                histogram.add(*of_phase)

    def dump(self) -> bytes:
        """Return all counts as JSON."""
        counts = {"done": self.done, "answered": self.answered, "retried": self.retried}
        phases = {phase: histogram.dump() for phase, histogram in self.phases.items()}
        return json.dumps({**counts, "statuses": self.statuses, "errors": self.errors, "phases": phases}).encode()

    def load(self, dumped: bytes) -> None:
        """Add the counts of other Stats."""
        counts = json.loads(dumped)
        self.done += counts["done"]
        self.answered += counts["answered"]
        self.retried += counts["retried"]
        self.statuses.update(counts["statuses"])
        self.errors.update(counts["errors"])
        for phase, buckets in counts["phases"].items():
            self.phases[phase].load(buckets)


def summary(stats: Stats, *, took_s: float, skipped: int) -> list[str]:
    """Return the summary of a survey, as lines."""
    rate = stats.done / took_s if took_s else 0.0
    lines = [
        f"{stats.done:,} target{'s' * (stats.done != 1)} in {took_s:.1f} s, {rate:,.0f} a second: "
        f"{stats.answered:,} answered, {stats.done - stats.answered:,} not"
        + (f"; {skipped:,} were done before" if skipped else "")
        + (f"; {stats.retried:,} attempts made again" if stats.retried else ""),
    ]
    if stats.statuses:
        lines.append("  status  " + counts(stats.statuses))
    if stats.errors:
        lines.append("  error   " + counts(stats.errors))
    rows = [
        f"  {phase:<8}{histogram.count:>10,}"
        + "".join(f"{histogram.percentile(p) * 1000:>10,.1f}" for p in (50, 95, 99))
        for phase, histogram in stats.phases.items()
        if histogram.count
    ]
    if rows:
        lines += [f"  {'ms':<8}{'count':>10}{'p50':>10}{'p95':>10}{'p99':>10}", *rows]
    return lines


def counts(counter: Counter[str]) -> str:
    """Return counts, the most frequent first."""
    return "  ".join(f"{name} {count:,}" for name, count in counter.most_common())
