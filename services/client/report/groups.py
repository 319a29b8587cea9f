"""Which lanes are drawn, and how: all of them or, where they are many, the worst ones large and the others small."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.client.report.lanes import Lane
from services.client.report.numbers import duration
from services.client.report.words import Words

MANY = 40  # lanes of a panel, from which on they are grouped
LARGE = 15  # lanes of a group that is shown at once
SMALL = 100  # lanes of a group that is opened by the reader
MOST = 1000  # lanes of a panel that are drawn


@dataclass(frozen=True, slots=True)
class Group:
    """Lanes that are drawn together. `is_small`: in thin lines, which the reader opens."""

    title: str
    lanes: tuple[Lane, ...]
    is_small: bool = False


def groups_of(lanes: Sequence[Lane], say: Words) -> tuple[list[Group], int]:
    """Return the groups, and how many lanes are in none."""
    if len(lanes) <= MANY:
        return [Group("", tuple(lanes))], 0
    by_length = sorted(lanes, key=lambda lane: -lane.span.length_s)
    failed = [lane for lane in by_length if not lane.ok][:LARGE]
    taken = set(map(id, failed))
    others = [lane for lane in by_length if id(lane) not in taken]
    groups = [Group(say("group_failed", count=sum(not lane.ok for lane in lanes)), tuple(failed))] if failed else []
    groups.append(Group(say("group_slowest", count=LARGE), tuple(others[:LARGE])))
    drawn = others[: MOST - len(failed)]
    for first in range(LARGE, len(drawn), SMALL):
        some = drawn[first : first + SMALL]
        title = say(
            "group_rest",
            first=f"{first + 1:,}",
            last=f"{first + len(some):,}",
            longest=duration(some[0].span.length_s),
            shortest=duration(some[-1].span.length_s),
        )
        groups.append(Group(title, tuple(some), is_small=True))
    return groups, len(others) - len(drawn)
