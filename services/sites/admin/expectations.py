"""Expectations of the journal: how many entries there are like this, in which order, how many at once, and which not.

    {"since": 0,
     "expect":  [{"match": {"host": "www.163.com", "method": "GET"}, "count": 3}],
     "order":   [{"target": "/a"}, {"target": "/b"}],
     "at_once": [{"match": {"host": "www.163.com"}, "at_most": 2}],
     "absent":  [{"fields": {"cookie": "secret"}}]}

`expect` wants `count`, or `at_least` and `at_most`; nothing said means at least one. `order` wants entries that meet
the criteria one after another, with anything between them. `at_once` wants no more than `at_most` exchanges in progress
at the same time (see `overlap`). A check that needs to know of every entry fails where some were dropped that could
have changed its outcome: what is not kept is not proved.
`verdict` holds the journal against all of it.
"""

from dataclasses import dataclass

from services.sites.admin.entries import NO_CRITERIA, Criteria, read_criteria
from services.sites.admin.responses import Unfit
from services.sites.faults.plan import Problem

MAX_CHECKS = 100
CHECKS = ("expect", "order", "at_once", "absent")


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
