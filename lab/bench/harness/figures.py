"""Figures: for each contestant a value a round, and the ratios and goals that follow from them.

A ratio is taken round by round, between values that were measured seconds apart, and then the median of those: a
machine that slows down for a minute slows down both sides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from lab.bench.harness.curve import Curve

QUIET = 0.1
"""Other processes may use this part of the machine; a table that is taken beside more is not to be quoted."""

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]


@dataclass(frozen=True, slots=True)
class Row:
    """One contestant: its name, its value in each round, and whether it is of this project."""

    subject: str
    values: tuple[float, ...]
    ours: bool = False

    @property
    def median(self) -> float:
        """The value in the middle."""
        return median(self.values)

    @property
    def spread(self) -> float:
        """The distance from the least to the greatest value, as a part of the median."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal of this project: the ratio that the subject `of` has to reach to the subject `against`.

    `ceiling` is the row of the program that does nothing but the least of the same work: its ratio to `against` is what
    can be reached at most. `held_by` says what holds the goal where it is not reached. No goal is without both.
    """

    of: str
    ratio: float
    against: str
    held_by: str
    ceiling: str

    def __post_init__(self) -> None:
        if not (self.held_by and self.ceiling):
            raise ValueError(f"a goal says what holds it, and names its ceiling: {self.of}")


@dataclass(frozen=True, slots=True)
class Group:
    """Contestants at one task. `reference` is the subject of the row that ratios are taken to, if it could run.

    `higher_is_better` is None where rows have different units, and are not compared.
    """

    title: str
    unit: str
    rows: tuple[Row, ...]
    reference: str
    higher_is_better: bool | None = True
    goals: tuple[Goal, ...] = ()

    def ratio(self, row: Row) -> float | None:
        """Return the median of a row's ratios to the reference; None where there is no reference."""
        ratios = self.ratios(row)
        return median(ratios) if ratios else None

    def ratios(self, row: Row) -> tuple[float, ...]:
        """Return a row's ratio to the reference in each round."""
        return ratios(row.values, self._values(self.reference))

    def achieved(self, goal: Goal) -> float | None:
        """Return the median of the ratios that a goal is about; None where there is nothing to compare with."""
        return self._between(goal.of, goal.against)

    def is_reached(self, goal: Goal) -> bool | None:
        """Return whether a goal is reached; None where there is nothing to compare with."""
        achieved = self.achieved(goal)
        if achieved is None:
            return None
        return achieved <= goal.ratio if self.higher_is_better is False else achieved >= goal.ratio

    def ceiling(self, goal: Goal) -> float | None:
        """Return the ratio of a goal's ceiling to what the goal is against; None where none was measured."""
        return self._between(goal.ceiling, goal.against)

    def _between(self, of: str, against: str) -> float | None:
        found = ratios(self._values(of), self._values(against))
        return median(found) if found else None

    def _values(self, subject: str) -> tuple[float, ...]:
        return next((row.values for row in self.rows if row.subject == subject), ())


def ratios(values: Sequence[float], base: Sequence[float]) -> tuple[float, ...]:
    """Return the ratio in each round in which both have a value."""
    return tuple(value / other for value, other in zip(values, base, strict=False) if other)


Cell = str | float | None
"""A table's cell: a word, a figure, or nothing."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of figures without contestants."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Sequence[Cell], ...]


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise of the lab, whether it was kept, and what was found. A goal is only shown: it fails no run.

    `held_by`: what holds a goal that is not reached. `ceiling`: what can be reached at most, and its measured figure.
    """

    text: str
    kept: bool
    found: str
    is_goal: bool = False
    held_by: str = ""
    ceiling: str = ""

    def __post_init__(self) -> None:
        if self.is_goal and not (self.held_by and self.ceiling):
            raise ValueError(f"a goal says what holds it, and its ceiling: {self.text}")


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a bench. `method`: how, in lines for a person. `notes`: what was left out, and why.

    `others`: the part of the machine that other processes used meanwhile; None where that is not asked.
    `curves`: what a page draws of the tables of a bench that measures how something grows. `took_s`: how long the
    bench took. `failed`: why there are no figures.
    """

    bench: str
    groups: tuple[Group, ...]
    method: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    promises: tuple[Promise, ...] = ()
    others: float | None = None
    curves: tuple[Curve, ...] = ()
    took_s: float = 0.0
    failed: str = ""

    @property
    def is_quotable(self) -> bool:
        """Whether other processes used little of the machine meanwhile, or that is not asked of this bench."""
        return self.others is None or self.others < QUIET

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return all(promise.kept for promise in self.promises if not promise.is_goal)


def as_json(result: Result) -> dict[str, Json]:
    """Return a result as it is written by --json."""
    return {
        "bench": result.bench,
        **({} if result.others is None else {"others": result.others, "quotable": result.is_quotable}),
        **({"took_s": round(result.took_s, 1)} if result.took_s else {}),
        **({"failed": result.failed} if result.failed else {}),
        "method": list(result.method),
        "notes": list(result.notes),
        "groups": [group_as_json(group) for group in result.groups],
        **({"tables": [table_as_json(table) for table in result.tables]} if result.tables else {}),
        **({"promises": [asdict(promise) for promise in result.promises]} if result.promises else {}),
    }


def table_as_json(table: Table) -> dict[str, Json]:
    """Return a table, each row as an object."""
    return {"title": table.title, "rows": [dict(zip(table.columns, row, strict=True)) for row in table.rows]}


def group_as_json(group: Group) -> dict[str, Json]:
    """Return a group with all its values, so that a reader can count again."""
    return {
        "title": group.title,
        "unit": group.unit,
        "higher_is_better": group.higher_is_better,
        "reference": group.reference,
        "goals": [
            {
                "of": goal.of,
                "ratio": goal.ratio,
                "against": goal.against,
                "achieved": group.achieved(goal),
                "reached": group.is_reached(goal),
                "ceiling": group.ceiling(goal),
            }
            for goal in group.goals
        ],
        "rows": [
            {
                "subject": row.subject,
                "ours": row.ours,
                "values": list(row.values),
                "median": row.median,
                "spread": row.spread,
                "ratio": group.ratio(row),
                "ratios": list(group.ratios(row)),
            }
            for row in group.rows
        ],
    }
