"""The verification of expectations: the journal is read at most twice, for any number of checks.

The first reading counts the entries that meet each check. If one has too few, a second reading looks for the entries
that miss the fewest criteria. Both go from the oldest entry to the newest, in time slices, so that the site can answer
other requests meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from services.sites.admin.bounds import TimeSlice
from services.sites.admin.journal.entries import Criteria, Entry
from services.sites.admin.journal.expectations import AtOnce, Expectations, Expected
from services.sites.admin.journal.overlap import Span, most_at_once, span_of
from services.sites.journal import Snapshot

NEAREST = 3
STEPS = 10  # the most entries shown of those that met the steps of an order
OVERLAPPING = 10  # the most entries shown of those that were in progress at once
SHOWN_HEAD_BYTES = 2048
SHOWN_BYTES = 256 * 1024  # of heads and misses, in all entries that are shown
FLAG_BYTES = 1  # for each entry and each check of `at_once`
SPAN_BYTES = 128  # for each entry that meets such a check

Failure = dict[str, object]
DroppedCount = Callable[[Criteria], int]
"""Returns how many entries were dropped that could have met the criteria."""


def work_bytes(expectations: Expectations, snapshot: Snapshot) -> int:
    """Return how much memory a verification takes, without the entries themselves."""
    checks = len(expectations.at_once)
    return len(snapshot.entries) * (8 + FLAG_BYTES * checks + SPAN_BYTES * bool(checks))


@dataclass(slots=True)
class MatchCount:
    """How many entries met a check, and the numbers of the last of them."""

    check: Expected
    found: int = 0
    last: deque[int] = field(default_factory=lambda: deque(maxlen=NEAREST))


class NearMisses:
    """The entries that miss the fewest criteria; among entries that miss equally many, the oldest."""

    __slots__ = ("_found", "criteria")

    def __init__(self, criteria: Criteria) -> None:
        self.criteria = criteria
        self._found: list[tuple[int, int]] = []

    def consider(self, entry: Entry) -> None:
        """Take an entry in if it misses fewer criteria than one that is in."""
        missed = self.criteria.missed(entry)
        if missed and (len(self._found) < NEAREST or missed < self._found[-1][0]):
            self._found = sorted([*self._found, (missed, entry.number)])[:NEAREST]

    @property
    def numbers(self) -> list[int]:
        """The numbers of the entries, the nearest first."""
        return [number for _missed, number in self._found]


class ShownEntries:
    """Entries as failures show them, until SHOWN_BYTES have been shown."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._left = SHOWN_BYTES

    def nearest(self, numbers: Iterable[int], criteria: Criteria | None) -> Failure:
        """Return these entries for a failure. `criteria` None: the entries meet the criteria."""
        shown: list[object] = []
        for number in numbers:
            if self._left <= 0:
                return {"reason": "the entries are left out: the answer is long enough", "nearest": shown}
            shown.append(self._near(Entry(number, self._snapshot.entry(number)), criteria))
        return {"nearest": shown}

    def met(self, numbers: Iterable[int]) -> Failure:
        """Return the entries that did meet a failed check, or the steps before it, as far as there is room to show."""
        shown = [self._near(Entry(each, self._snapshot.entry(each)), None) for each in numbers if self._left > 0]
        return {"met": shown} if shown else {}

    def _near(self, entry: Entry, criteria: Criteria | None) -> Failure:
        near = entry.as_json()
        for name in ("method", "target", "request_head"):
            text = near[name]
            if isinstance(text, str):
                near[name] = text[:SHOWN_HEAD_BYTES]
                self._left -= len(text[:SHOWN_HEAD_BYTES])
        misses = criteria.misses(entry) if criteria else []
        self._left -= sum(map(len, misses))
        return {**near, "misses": misses}


class Verification:
    """Compares a journal with expectations. `considered`: how many entries were compared."""

    def __init__(
        self, expectations: Expectations, snapshot: Snapshot, *, dropped: DroppedCount, time_slice: TimeSlice
    ) -> None:
        self._expectations, self._snapshot = expectations, snapshot
        self._dropped, self._time_slice = dropped, time_slice
        self._counts = [MatchCount(each) for each in expectations.expected]
        self._overlapping = [bytearray(len(snapshot.entries)) for _ in expectations.at_once]
        self._position = self._after = 0  # in `order`: the next criteria, and the entry that met those before
        self._steps_met: deque[int] = deque(maxlen=STEPS)
        self._shown = ShownEntries(snapshot)
        self.considered = 0

    async def failures(self) -> list[Failure]:
        """Return the checks that fail."""
        await self._count()
        nearest = await self._look_for_nearest()
        failures = [self._unmet(each, nearest.get(each.check.where)) for each in self._counts]
        failures.append(self._out_of_order(nearest.get("order")))
        for bound, flags in zip(self._expectations.at_once, self._overlapping, strict=True):
            failures.append(await self._too_many_at_once(bound, flags))
        return [failure for failure in failures if failure]

    async def _count(self) -> None:
        order, since, first = self._expectations.order, self._expectations.since, self._snapshot.first
        at_once = [*zip(self._expectations.at_once, self._overlapping, strict=True)]
        for number, exchange in self._snapshot.oldest_first(since):
            entry = Entry(number, exchange)
            self.considered += 1
            for count in self._counts:
                if count.check.criteria.meets(entry):
                    count.found += 1
                    count.last.append(number)
            if self._position < len(order) and order[self._position].meets(entry):
                self._position, self._after = self._position + 1, number
                self._steps_met.append(number)
            for bound, flags in at_once:
                flags[number - first] = bound.criteria.meets(entry)
            if self._time_slice.is_over:
                await self._time_slice.renew()

    async def _look_for_nearest(self) -> dict[str, NearMisses]:
        few = {
            each.check.where: NearMisses(each.check.criteria) for each in self._counts if each.found < each.check.least
        }
        order = self._expectations.order
        missing = NearMisses(order[self._position]) if self._position < len(order) else None
        if not few and not missing:
            return {}
        for number, exchange in self._snapshot.oldest_first(self._expectations.since):
            entry = Entry(number, exchange)
            for each in few.values():
                each.consider(entry)
            if missing and number > self._after:
                missing.consider(entry)
            if self._time_slice.is_over:
                await self._time_slice.renew()
        return few | ({"order": missing} if missing else {})

    def _unmet(self, count: MatchCount, nearest: NearMisses | None) -> Failure | None:
        expected, found = count.check, count.found
        failure: Failure = {"check": expected.where, "expected": expected.text, "found": found}
        if nearest:
            return failure | self._shown.nearest(nearest.numbers, expected.criteria) | self._shown.met(count.last)
        if expected.most is None:
            return None
        if found > expected.most:
            return failure | self._shown.nearest(count.last, None)
        dropped = self._dropped(expected.criteria)
        return failure | undecided(dropped) if dropped and found + dropped > expected.most else None

    def _out_of_order(self, nearest: NearMisses | None) -> Failure | None:
        if not nearest:
            return None
        expected = f"an entry after {self._after}" if self._after else "an entry"
        failure: Failure = {"check": f"order[{self._position}]", "expected": expected, "found": 0}
        nearest_shown = self._shown.nearest(nearest.numbers, nearest.criteria)
        return failure | nearest_shown | self._shown.met(self._steps_met)

    async def _too_many_at_once(self, bound: AtOnce, flags: Sequence[int]) -> Failure | None:
        spans = await self._spans(flags)
        together = await asyncio.to_thread(most_at_once, spans)
        found = len(together)
        failure: Failure = {"check": bound.where, "expected": f"at most {bound.most} at once", "found": found}
        if found > bound.most:
            return failure | self._shown.nearest(together[-OVERLAPPING:], None)
        dropped = self._dropped(bound.criteria)
        return failure | undecided(dropped) if dropped and found + dropped > bound.most else None

    async def _spans(self, flags: Sequence[int]) -> list[Span]:
        spans = []
        for index, met in enumerate(flags):
            if met:
                number = self._snapshot.first + index
                spans.append(span_of(number, self._snapshot.entry(number)))
            if self._time_slice.is_over:
                await self._time_slice.renew()
        return spans


def undecided(dropped: int) -> Failure:
    """Return the reason of a check that fails because entries were dropped that could have changed its result."""
    return {"reason": f"{dropped} entries were dropped: it cannot be known whether it holds", "nearest": []}
