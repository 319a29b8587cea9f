"""Expectations of the journal: how many entries there are like this, in which order, how many at once, and which not.

    {"since": 0,
     "expect":  [{"match": {"host": "www.163.com", "method": "GET"}, "count": 3}],
     "order":   [{"target": "/a"}, {"target": "/b"}],
     "at_once": [{"match": {"host": "www.163.com"}, "at_most": 2}],
     "absent":  [{"fields": {"cookie": "secret"}}]}

`expect` wants `count`, or `at_least` and `at_most`; nothing said means at least one. `order` wants entries that meet
the criteria one after another, with anything between them. `at_once` wants no more than `at_most` exchanges in progress
at the same time (see `overlap`). A check that needs to know of every entry fails where some were dropped that could
have changed its outcome: what nobody remembers is not proved.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from services.sites.admin.answers import Unfit
from services.sites.admin.criteria import NO_CRITERIA, Criteria, Entry, read_criteria
from services.sites.admin.overlap import most_at_once, span_of
from services.sites.faults.plan import Problem

NEAREST = 3
OVERLAPPING = 10  # as many as are shown of those that were in progress at once
MAX_CHECKS = 100
BATCH = 500
CHECKS = ("expect", "order", "at_once", "absent")

Failure = dict[str, object]
Lost = Callable[[Criteria], int]
"""How many entries were dropped that could have met the criteria."""


@dataclass(frozen=True, slots=True)
class Expected:
    """So many entries like this; `most` None: any number of them."""

    where: str
    criteria: Criteria
    least: int
    most: int | None

    @property
    def text(self) -> str:
        """What is expected, for a person."""
        if self.most is None:
            return f"at least {self.least}"
        if self.most == self.least:
            return f"exactly {self.least}" if self.most else "none"
        return f"{self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class AtOnce:
    """No more than `most` exchanges like this in progress at the same time."""

    where: str
    criteria: Criteria
    most: int


@dataclass(frozen=True, slots=True)
class Expectations:
    """Everything that one request expects. Entries up to `since` do not count."""

    since: int
    expected: list[Expected]
    order: list[Criteria]
    at_once: list[AtOnce]

    async def failures(self, entries: list[Entry], *, lost: Lost) -> AsyncIterator[Failure]:
        """Give what is not as expected."""
        for each in self.expected:
            if failure := await unmet(each, entries, lost=lost(each.criteria)):
                yield failure
        if self.order and (failure := await out_of_order(self.order, entries)):
            yield failure
        for bound in self.at_once:
            if failure := await too_many_at_once(bound, entries, lost=lost(bound.criteria)):
                yield failure


async def unmet(expected: Expected, entries: list[Entry], *, lost: int) -> Failure | None:
    """Return how an expectation fails, with the nearest misses; None where it holds."""
    missed: list[tuple[list[str], Entry]] = []
    for index, entry in enumerate(entries):
        missed.append((expected.criteria.misses(entry), entry))
        await give_way(index)
    met = [entry for misses, entry in missed if not misses]
    failure: Failure = {"check": expected.where, "expected": expected.text, "found": len(met)}
    if len(met) < expected.least:
        near = sorted((each for each in missed if each[0]), key=lambda each: len(each[0]))[:NEAREST]
        return {**failure, "nearest": [{**entry.as_json(), "misses": misses} for misses, entry in near]}
    if expected.most is not None and len(met) > expected.most:
        return {**failure, "nearest": [{**entry.as_json(), "misses": []} for entry in met[-NEAREST:]]}
    if expected.most is not None and lost and len(met) + lost > expected.most:
        return {**failure, **unknowable(lost)}
    return None


def unknowable(lost: int) -> Failure:
    """Return why a check fails of which only the entries that were dropped could tell whether it holds."""
    return {"reason": f"{lost} entries were dropped: nobody knows whether it holds", "nearest": []}


async def out_of_order(order: list[Criteria], entries: list[Entry]) -> Failure | None:
    """Return where the order fails; None where it holds."""
    place, after = 0, 0
    for index, entry in enumerate(entries):
        if place < len(order) and not order[place].misses(entry):
            place, after = place + 1, entry.number
        await give_way(index)
    if place == len(order):
        return None
    rest = [entry for entry in entries if entry.number > after]
    near = sorted(((order[place].misses(entry), entry) for entry in rest), key=lambda each: len(each[0]))[:NEAREST]
    return {
        "check": f"order[{place}]",
        "expected": f"an entry after {after}" if after else "an entry",
        "found": 0,
        "nearest": [{**entry.as_json(), "misses": misses} for misses, entry in near],
    }


async def too_many_at_once(bound: AtOnce, entries: list[Entry], *, lost: int) -> Failure | None:
    """Return how a bound on what is in progress at once fails, with those that were; None where it holds."""
    met = []
    for index, entry in enumerate(entries):
        if not bound.criteria.misses(entry):
            met.append(span_of(entry))
        await give_way(index)
    together = await asyncio.to_thread(most_at_once, met)
    failure: Failure = {"check": bound.where, "expected": f"at most {bound.most} at once", "found": len(together)}
    if len(together) > bound.most:
        return {**failure, "nearest": [{**entry.as_json(), "misses": []} for entry in together[-OVERLAPPING:]]}
    if lost and len(together) + lost > bound.most:
        return {**failure, **unknowable(lost)}
    return None


async def give_way(index: int) -> None:
    """Give the loop its turn, now and then."""
    if index % BATCH == BATCH - 1:
        await asyncio.sleep(0)


def read_expectations(data: object) -> Expectations:
    """Return what a body expects. Raises Unfit, with every problem that it has."""
    problems: list[Problem] = []
    if not isinstance(data, dict) or not data.keys() <= {"since", *CHECKS} or not data.keys() & {*CHECKS}:
        reason = f"is not an object with {', '.join(CHECKS)}, or several of them, and since if need be"
        raise Unfit(422, "bad_expectation", [Problem("body", reason)])
    lists = {name: read_list(data.get(name, []), name, problems) for name in CHECKS}
    since = read_number(data.get("since", 0), "since", problems)
    expected = [read_expected(each, f"expect[{index}]", problems) for index, each in enumerate(lists["expect"])]
    for index, each in enumerate(lists["absent"]):
        where = f"absent[{index}]"
        expected.append(Expected(where, read_criteria(each, where, problems), 0, 0))
    order = [read_criteria(each, f"order[{index}]", problems) for index, each in enumerate(lists["order"])]
    at_once = [read_at_once(each, f"at_once[{index}]", problems) for index, each in enumerate(lists["at_once"])]
    if problems:
        raise Unfit(422, "bad_expectation", problems)
    return Expectations(since, expected, order, at_once)


def read_expected(data: object, where: str, problems: list[Problem]) -> Expected:
    """Return one expectation of `expect`."""
    if not isinstance(data, dict) or not data.keys() <= {"match", "count", "at_least", "at_most"}:
        problems.append(Problem(where, "is not an object with match, and count or at_least and at_most"))
        return Expected(where, NO_CRITERIA, 0, None)
    if "count" in data and data.keys() & {"at_least", "at_most"}:
        problems.append(Problem(f"{where}.count", "goes with neither at_least nor at_most"))
    criteria = read_criteria(data.get("match", {}), f"{where}.match", problems)
    if "count" in data:
        count = read_number(data["count"], f"{where}.count", problems)
        return Expected(where, criteria, count, count)
    most = read_number(data["at_most"], f"{where}.at_most", problems) if "at_most" in data else None
    least = read_number(data.get("at_least", 0 if most is not None else 1), f"{where}.at_least", problems)
    if most is not None and least > most:
        problems.append(Problem(f"{where}.at_least", "is more than at_most"))
    return Expected(where, criteria, least, most)


def read_at_once(data: object, where: str, problems: list[Problem]) -> AtOnce:
    """Return one bound of `at_once`."""
    if not isinstance(data, dict) or not data.keys() <= {"match", "at_most"}:
        problems.append(Problem(where, "is not an object with match and at_most"))
        return AtOnce(where, NO_CRITERIA, 0)
    criteria = read_criteria(data.get("match", {}), f"{where}.match", problems)
    return AtOnce(where, criteria, read_number(data.get("at_most"), f"{where}.at_most", problems))


def read_list(data: object, where: str, problems: list[Problem]) -> list[object]:
    """Return a list of checks."""
    if isinstance(data, list) and len(data) <= MAX_CHECKS:
        return data
    problems.append(Problem(where, f"is not a list of at most {MAX_CHECKS}"))
    return []


def read_number(data: object, where: str, problems: list[Problem]) -> int:
    """Return a whole number, 0 or more."""
    if isinstance(data, int) and not isinstance(data, bool) and data >= 0:
        return data
    problems.append(Problem(where, "is not a whole number, 0 or more"))
    return 0
