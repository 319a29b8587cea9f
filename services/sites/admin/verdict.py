"""Expectations held against what the journal holds: two readings of its entries, however many checks there are.

The first reading counts what meets each check. Only where too few do, a second one looks for the entries that miss the
fewest criteria. Both go from the oldest entry to the newest, in slices, so that the site goes on answering.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from services.sites.admin.bounds import Pace
from services.sites.admin.entries import Criteria, Entry
from services.sites.admin.expectations import AtOnce, Expectations, Expected
from services.sites.admin.overlap import Span, most_at_once, span_of
from services.sites.journal import Snapshot

NEAREST = 3
OVERLAPPING = 10  # as many as are shown of those that were in progress at once
SHOWN_HEAD_BYTES = 2048
SHOWN_BYTES = 256 * 1024  # of all entries that are shown, as many bytes of heads and misses
FLAGS = 1  # bytes for each entry and each check of `at_once`
SPAN_BYTES = 128  # for each entry that meets such a check

Failure = dict[str, object]
Lost = Callable[[Criteria], int]
"""How many entries were dropped that could have met the criteria."""


def work_bytes(expectations: Expectations, kept: Snapshot) -> int:
    """Return how much memory a verdict takes while it is found, without the entries themselves."""
    return len(kept.entries) * (8 + FLAGS * len(expectations.at_once) + SPAN_BYTES * bool(expectations.at_once))


@dataclass(slots=True)
class Count:
    """How many entries met a check, and the last of them."""

    check: Expected
    found: int = 0
    last: deque[int] = field(default_factory=lambda: deque(maxlen=NEAREST))


class Nearest:
    """The entries that miss the fewest criteria; of those that miss as many, the oldest."""

    __slots__ = ("_found", "criteria")

    def __init__(self, criteria: Criteria) -> None:
        self.criteria = criteria
        self._found: list[tuple[int, int]] = []

    def look(self, entry: Entry) -> None:
        """Keep an entry if it is nearer than one that is kept."""
        missed = self.criteria.missed(entry)
        if missed and (len(self._found) < NEAREST or missed < self._found[-1][0]):
            self._found = sorted([*self._found, (missed, entry.number)])[:NEAREST]

    @property
    def numbers(self) -> list[int]:
        """Their numbers, the nearest first."""
        return [number for _missed, number in self._found]


class Shown:
    """Shows entries in failures, until there is more of them than anyone reads."""

    def __init__(self, kept: Snapshot) -> None:
        self._kept = kept
        self._left = SHOWN_BYTES

    def nearest(self, numbers: Iterable[int], criteria: Criteria | None) -> Failure:
        """Return what a failure shows of these entries. `criteria` None: they meet them."""
        shown: list[object] = []
        for number in numbers:
            if self._left <= 0:
                return {"reason": "the entries are left out: the answer is long enough", "nearest": shown}
            shown.append(self._near(Entry(number, self._kept.entry(number)), criteria))
        return {"nearest": shown}

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


class Judge:
    """Finds what of the expectations does not hold. `considered`: how many entries count."""

    def __init__(self, expectations: Expectations, kept: Snapshot, *, lost: Lost, pace: Pace) -> None:
        self._expectations, self._kept, self._lost, self._pace = expectations, kept, lost, pace
        self._counts = [Count(each) for each in expectations.expected]
        self._overlapping = [bytearray(len(kept.entries)) for _ in expectations.at_once]
        self._place = self._after = 0
        self._shown = Shown(kept)
        self.considered = 0

    async def failures(self) -> list[Failure]:
        """Return what is not as expected, check by check."""
        await self._count()
        nearest = await self._look_for_nearest()
        failures = [self._unmet(each, nearest.get(each.check.where)) for each in self._counts]
        failures.append(self._out_of_order(nearest.get("order")))
        for bound, flags in zip(self._expectations.at_once, self._overlapping, strict=True):
            failures.append(await self._too_many_at_once(bound, flags))
        return [failure for failure in failures if failure]

    async def _count(self) -> None:
        order, since, first = self._expectations.order, self._expectations.since, self._kept.first
        at_once = [*zip(self._expectations.at_once, self._overlapping, strict=True)]
        for number, exchange in self._kept.oldest_first(since):
            entry = Entry(number, exchange)
            self.considered += 1
            for count in self._counts:
                if count.check.criteria.meets(entry):
                    count.found += 1
                    count.last.append(number)
            if self._place < len(order) and order[self._place].meets(entry):
                self._place, self._after = self._place + 1, number
            for bound, flags in at_once:
                flags[number - first] = bound.criteria.meets(entry)
            if self._pace.due:
                await self._pace.turn()

    async def _look_for_nearest(self) -> dict[str, Nearest]:
        few = {each.check.where: Nearest(each.check.criteria) for each in self._counts if each.found < each.check.least}
        order = self._expectations.order
        missing = Nearest(order[self._place]) if self._place < len(order) else None
        if not few and not missing:
            return {}
        for number, exchange in self._kept.oldest_first(self._expectations.since):
            entry = Entry(number, exchange)
            for each in few.values():
                each.look(entry)
            if missing and number > self._after:
                missing.look(entry)
            if self._pace.due:
                await self._pace.turn()
        return few | ({"order": missing} if missing else {})

    def _unmet(self, count: Count, nearest: Nearest | None) -> Failure | None:
        expected, found = count.check, count.found
        failure: Failure = {"check": expected.where, "expected": expected.text, "found": found}
        if nearest:
            return failure | self._shown.nearest(nearest.numbers, expected.criteria)
        if expected.most is None:
            return None
        if found > expected.most:
            return failure | self._shown.nearest(count.last, None)
        lost = self._lost(expected.criteria)
        return failure | unknowable(lost) if lost and found + lost > expected.most else None

    def _out_of_order(self, nearest: Nearest | None) -> Failure | None:
        if not nearest:
            return None
        expected = f"an entry after {self._after}" if self._after else "an entry"
        failure: Failure = {"check": f"order[{self._place}]", "expected": expected, "found": 0}
        return failure | self._shown.nearest(nearest.numbers, nearest.criteria)

    async def _too_many_at_once(self, bound: AtOnce, flags: Sequence[int]) -> Failure | None:
        spans = await self._spans(flags)
        together = await asyncio.to_thread(most_at_once, spans)
        found = len(together)
        failure: Failure = {"check": bound.where, "expected": f"at most {bound.most} at once", "found": found}
        if found > bound.most:
            return failure | self._shown.nearest(together[-OVERLAPPING:], None)
        lost = self._lost(bound.criteria)
        return failure | unknowable(lost) if lost and found + lost > bound.most else None

    async def _spans(self, flags: Sequence[int]) -> list[Span]:
        spans = []
        for index, met in enumerate(flags):
            if met:
                number = self._kept.first + index
                spans.append(span_of(number, self._kept.entry(number)))
            if self._pace.due:
                await self._pace.turn()
        return spans


def unknowable(lost: int) -> Failure:
    """Return why a check fails of which only the entries that were dropped could tell whether it holds."""
    return {"reason": f"{lost} entries were dropped: it cannot be known whether it holds", "nearest": []}
