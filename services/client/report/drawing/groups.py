"""Which lanes are drawn, and how: all of them or, where they are many, the worst ones large and the others small."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.client.report.lanes import Lane
from services.client.report.numbers import duration
from services.client.report.panels import Arrow
from services.client.report.words import Words

MANY = 40  # lanes of a panel, from which on they are grouped
LARGE = 15  # lanes of a group that is shown at once
SMALL = 100  # lanes of a group that is opened by the reader
REDELIVERY = "redelivery"
MOST = 1000  # lanes of a panel that are drawn


@dataclass(frozen=True, slots=True)
class Group:
    """Lanes that are drawn together. `is_small`: in thin lines, which the reader opens.

    `is_aside`: they are tasks of the libraries below, which the program's own work does without a word of them.
    """

    title: str
    lanes: tuple[Lane, ...]
    is_small: bool = False
    is_aside: bool = False


def groups_of(lanes: Sequence[Lane], arrows: Sequence[Arrow], say: Words) -> tuple[list[Group], int]:
    """Return the groups, and how many lanes are in none. Tasks of libraries below come last."""
    aside = [lane for lane in lanes if lane.is_aside]
    groups, left_out = main_groups([lane for lane in lanes if not lane.is_aside], arrows, say)
    if not aside:
        return groups, left_out
    title = say("group_others", count=f"{len(aside):,}")
    drawn = tuple(aside[:SMALL])
    return [*groups, Group(title, drawn, is_small=True, is_aside=True)], left_out + len(aside) - len(drawn)


def main_groups(lanes: Sequence[Lane], arrows: Sequence[Arrow], say: Words) -> tuple[list[Group], int]:
    """Return the groups of lanes that are of interest, and how many of these are in none."""
    if len(lanes) <= MANY:
        return [Group("", tuple(lanes))], 0
    again = {key for arrow in arrows if arrow.kind == REDELIVERY for key in (arrow.from_key, arrow.to_key)}
    by_length = sorted(lanes, key=lambda lane: -lane.span.length_s)
    delivered_again = [lane for lane in lanes if lane.key in again][:MANY]
    failed = [lane for lane in by_length if not lane.ok and lane.key not in again][:LARGE]
    taken = {id(lane) for lane in (*delivered_again, *failed)}
    others = [lane for lane in by_length if id(lane) not in taken]
    groups = [
        Group(say("group_again", count=len(delivered_again)), tuple(delivered_again)),
        Group(say("group_failed", count=len(failed)), tuple(failed)),
        Group(say("group_slowest", count=LARGE), tuple(others[:LARGE])),
    ]
    drawn = others[: MOST - len(taken)]
    groups += [rest(drawn, first, say) for first in range(LARGE, len(drawn), SMALL)]
    return [group for group in groups if group.lanes], len(others) - len(drawn)


def rest(lanes: Sequence[Lane], first: int, say: Words) -> Group:
    """Return the group of lanes, the longest first, from one of them on."""
    some = lanes[first : first + SMALL]
    title = say(
        "group_rest",
        first=f"{first + 1:,}",
        last=f"{first + len(some):,}",
        longest=duration(some[0].span.length_s),
        shortest=duration(some[-1].span.length_s),
    )
    return Group(title, tuple(some), is_small=True)
