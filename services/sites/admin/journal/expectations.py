"""Expectations of the journal: how many entries meet criteria, in which order, how many at once, and which are absent.

    {"since": 0,
     "expect":  [{"match": {"host": "www.163.com", "method": "GET"}, "count": 3}],
     "order":   [{"target": "/a"}, {"target": "/b"}],
     "at_once": [{"match": {"host": "www.163.com"}, "at_most": 2}],
     "absent":  [{"fields": {"cookie": "secret"}}]}

`expect` has `count`, or `at_least` and `at_most`; without all three, at least one entry is expected. `order` expects
entries that meet the criteria one after another, with any entries between them. `at_once` expects no more than
`at_most` exchanges in progress at the same time (see `overlap`). A check that depends on every entry fails if entries
were dropped that could have changed its result: an entry that is not in the journal proves nothing.

This file reads expectations and describes them as JSON Schema; `verification` compares the journal with them.
"""

from dataclasses import dataclass

from services.sites.admin.journal.entries import CRITERIA, NO_CRITERIA, Criteria, read_criteria
from services.sites.admin.responses import BadRequest
from services.sites.admin.shapes import COUNT, Schema, array, reference, table
from services.sites.faults.plan import Problem

MAX_CHECKS = 100
BOUNDS = ("count", "at_least", "at_most")
CHECKS = {"expect": "Expected", "order": "Criteria", "at_once": "AtOnce", "absent": "Criteria"}
"""The lists of checks, each with the schema of its items."""


@dataclass(frozen=True, slots=True)
class Expected:
    """From `least` to `most` entries that meet the criteria; `most` None: any number. `where`: the check's path."""

    where: str
    criteria: Criteria
    least: int
    most: int | None

    @property
    def text(self) -> str:
        """The expected number, for a person."""
        if self.most is None:
            return f"at least {self.least}"
        if self.most == self.least:
            return f"exactly {self.least}" if self.most else "none"
        return f"{self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class AtOnce:
    """No more than `most` exchanges that meet the criteria, in progress at the same time."""

    where: str
    criteria: Criteria
    most: int


@dataclass(frozen=True, slots=True)
class Expectations:
    """All expectations of one request. Entries up to `since` do not count."""

    since: int
    expected: list[Expected]
    order: list[Criteria]
    at_once: list[AtOnce]


def read_expectations(data: object) -> Expectations:
    """Return the expectations in a body. Raises BadRequest, with every problem that they have."""
    problems: list[Problem] = []
    if not isinstance(data, dict) or not data.keys() <= {"since", *CHECKS} or not data.keys() & {*CHECKS}:
        reason = f"is not an object with {', '.join(CHECKS)}, or several of them, and since if need be"
        raise BadRequest(422, "bad_expectation", [Problem("body", reason)])
    lists = {name: read_list(data.get(name, []), name, problems) for name in CHECKS}
    since = read_number(data.get("since", 0), "since", problems)
    expected = [read_expected(each, f"expect[{index}]", problems) for index, each in enumerate(lists["expect"])]
    for index, each in enumerate(lists["absent"]):
        where = f"absent[{index}]"
        expected.append(Expected(where, read_criteria(each, where, problems), 0, 0))
    order = [read_criteria(each, f"order[{index}]", problems) for index, each in enumerate(lists["order"])]
    at_once = [read_at_once(each, f"at_once[{index}]", problems) for index, each in enumerate(lists["at_once"])]
    if problems:
        raise BadRequest(422, "bad_expectation", problems)
    return Expectations(since, expected, order, at_once)


def read_expected(data: object, where: str, problems: list[Problem]) -> Expected:
    """Return one check of `expect`."""
    if not isinstance(data, dict) or not data.keys() <= {"match", *BOUNDS}:
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
    """Return one check of `at_once`."""
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
    reason = COUNT.problem(data)
    if isinstance(data, int) and not reason:
        return data
    problems.append(Problem(where, reason))
    return 0


def schemas() -> Schema:
    """Return the schemas of what `read_expectations` takes."""
    criteria = reference("Criteria")
    bounds = dict.fromkeys(BOUNDS, COUNT.schema)
    either = {"required": ["count"], "anyOf": [{"required": ["at_least"]}, {"required": ["at_most"]}]}
    lists: Schema = {name: array(reference(item), most=MAX_CHECKS) for name, item in CHECKS.items()}
    since: Schema = {"since": {**COUNT.schema, "description": "only entries after this one count"}}
    return {
        "Criteria": table({name: shape.schema for name, shape in CRITERIA.items()}, required=()),
        "Expected": {**table({"match": criteria, **bounds}, required=()), "not": either},
        "AtOnce": table({"match": criteria, "at_most": COUNT.schema}, required=("at_most",)),
        "Expectations": {
            **table({**since, **lists}, required=()),
            "anyOf": [{"required": [name]} for name in CHECKS],
        },
    }
