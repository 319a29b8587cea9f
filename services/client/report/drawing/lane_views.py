"""Lanes and their groups as the templates get them: places in per cent of the axis, and texts."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.client.report.drawing.groups import Group
from services.client.report.drawing.shapes import Axis, Shape, runs_path, shapes_of, small_shapes_of
from services.client.report.lanes import Lane
from services.client.report.numbers import duration
from services.client.report.panels import Arrow, Moment
from services.client.report.words import Words
from services.client.trace.model import Outcome
from services.runtime.terminal import printable

MOST_ARROWS = 120  # of a group
MOST_MARKS = 20  # of a lane


@dataclass(frozen=True, slots=True)
class LaneView:
    """A lane as it is drawn: its shapes, the place of its end, and what is said of it.

    `runs_path`: of a lane that is one of many, all times of its running as one path. `is_blamed`: whether
    a call of it held the loop.
    """

    name: str
    shapes: tuple[Shape, ...]
    label: str
    note: str
    end: str
    ok: bool
    marks: tuple[tuple[str, str], ...] = ()
    runs_path: str = ""
    is_blamed: bool = False


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group of lanes, as it is drawn."""

    title: str
    lanes: tuple[LaneView, ...]
    is_small: bool
    arrows: tuple[tuple[str, str, str, str, str, str], ...] = ()


class LaneDrawing:
    """Draws the lanes of one panel; `moments`: of the panel, in the order of time."""

    def __init__(self, axis: Axis, colours: Mapping[str, str], say: Words, moments: Sequence[Moment]) -> None:
        self._axis, self._colours, self._say = axis, colours, say
        self._moments: dict[tuple[int, int | None], list[Moment]] = defaultdict(list)
        for moment in moments:
            self._moments[moment.key].append(moment)

    def group(self, group: Group, arrows: Sequence[Arrow]) -> GroupView:
        """Return a group as it is drawn; arrows are drawn between the lanes of one group that is not small."""
        if group.is_small:
            return GroupView(group.title, tuple(map(self.small_lane, group.lanes)), is_small=True)
        drawn = tuple(arrow_shapes(group, arrows, self._axis))
        return GroupView(group.title, tuple(map(self.large_lane, group.lanes)), is_small=False, arrows=drawn)

    def large_lane(self, lane: Lane) -> LaneView:
        """Return a lane with its phases, its marks and the titles of its shapes."""
        return LaneView(
            name=printable(lane.name),
            shapes=tuple(shapes_of(lane, self._axis, self._colours, self._say)),
            label=self._label(lane),
            note=ending(lane, self._say),
            end=self._at(lane.span.end_s),
            ok=lane.ok,
            marks=tuple(self._marks(lane)),
            is_blamed=bool(lane.holds),
        )

    def small_lane(self, lane: Lane) -> LaneView:
        """Return a lane that is one of many: how long it took is beside it, for its shapes have no titles."""
        return LaneView(
            name=printable(lane.name),
            shapes=tuple(small_shapes_of(lane, self._axis)),
            label=self._label(lane),
            note=f"{duration(lane.span.length_s)} {ending(lane, self._say)}".rstrip(),
            end=self._at(lane.span.end_s),
            ok=lane.ok,
            runs_path=runs_path(lane, self._axis),
        )

    def _label(self, lane: Lane) -> str:
        return self._say("lane_says", time=duration(lane.span.length_s), run=duration(lane.run_s))

    def _at(self, at_s: float) -> str:
        return f"{self._axis.percent(at_s):.2f}%"

    def _marks(self, lane: Lane) -> Iterator[tuple[str, str]]:
        moments = self._moments.get(lane.key, [])
        first = bisect_left(moments, lane.span.begin_s, key=lambda each: each.at_s)
        behind = bisect_right(moments, lane.span.end_s, key=lambda each: each.at_s)
        for each in moments[first : min(behind, first + MOST_MARKS)]:
            yield self._at(each.at_s), f"{self._say.named('mark', each.kind)} {printable(each.text)}".rstrip()


def ending(lane: Lane, say: Words) -> str:
    """Return how a lane ended, in words; of one that held the loop and says no more, where it did so.

    Nothing is said of a task that returned: most do.
    """
    if lane.note:
        return printable(lane.note)
    if lane.is_open:
        return say("still_open")
    if lane.outcome in (Outcome.CANCELLED, Outcome.RAISED):
        return say(f"outcome {lane.outcome}")
    if lane.holds:
        longest = max(lane.holds, key=lambda hold: hold.span.length_s)
        return printable(say("held_by", place=longest.name or say("place_unknown")))
    return ""


def arrow_shapes(group: Group, arrows: Sequence[Arrow], axis: Axis) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield the arrows between lanes of a group: both ends in per cent, the kind, the title."""
    rows = {lane.key: number for number, lane in enumerate(group.lanes)}
    shown = [each for each in arrows if each.from_key in rows and each.to_key in rows][:MOST_ARROWS]
    for each in shown:
        y1, y2 = ((rows[key] + 0.5) / len(group.lanes) * 100 for key in (each.from_key, each.to_key))
        x1, x2 = axis.percent(each.from_s), axis.percent(each.to_s)
        yield f"{x1:.2f}%", f"{y1:.2f}%", f"{x2:.2f}%", f"{y2:.2f}%", each.kind, printable(each.name)
