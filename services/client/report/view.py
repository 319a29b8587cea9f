"""What the templates get: each panel with its groups, shapes, bands and tables, and nothing that is left to reckon."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.client.report.bands import Band, curve_path, lanes_path, work_path
from services.client.report.groups import MANY, Group, groups_of
from services.client.report.lanes import Lane
from services.client.report.numbers import Numbers, duration, numbers_of, times
from services.client.report.panels import Arrow, Moment, Panel
from services.client.report.shapes import (
    Axis,
    Shape,
    colours_of,
    kind_of,
    runs_path,
    shapes_of,
    small_shapes_of,
    waits_on,
)
from services.client.report.story import name_of
from services.client.report.words import Words
from services.runtime.terminal import printable

LATE_S = 0.02  # a loop that was never later than this has no band
MOST_ARROWS, MOST_LINES, MOST_ROWS = 120, 20, 1000
MOST_QUEUES = 8
SHOWN = 12  # lanes whose table is open


@dataclass(frozen=True, slots=True)
class LaneView:
    """A lane as it is drawn: its shapes, the place of its end, and what is said of it.

    `runs_path`: of a lane that is one of many, all times of its running as one path.
    """

    name: str
    shapes: tuple[Shape, ...]
    runs_path: str
    label: str
    note: str
    end: str
    ok: bool
    marks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group of lanes, as it is drawn."""

    title: str
    lanes: tuple[LaneView, ...]
    is_small: bool
    arrows: tuple[tuple[str, str, str, str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table; `ok`: of a lane, whether it ended well."""

    cells: tuple[str, ...]
    ok: bool = True


@dataclass(frozen=True, slots=True)
class PanelView:
    """A panel, as it is drawn."""

    title: str
    subtitle: str
    total: str
    end: str
    groups: tuple[GroupView, ...]
    bands: tuple[Band, ...]
    ticks: tuple[tuple[float, str], ...]
    holds: tuple[tuple[str, str, str], ...]
    hold_lines: tuple[tuple[str, str, str], ...]
    moment_lines: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]
    rows: tuple[Row, ...]
    is_open: bool


@dataclass(frozen=True, slots=True)
class Pictured:
    """All panels of a scene, on one axis: what they have in common, and each of them."""

    panels: tuple[PanelView, ...]
    colours: Mapping[str, str]
    rows: tuple[Row, ...]
    has_errors: bool
    has_holds: bool
    has_arrows: bool
    has_marks: bool


def pictured(panels: Sequence[Panel], say: Words) -> Pictured:
    """Return panels as they are drawn."""
    axis = Axis(max((each.total_s for each in panels), default=0.0))
    names = dict.fromkeys(kind_of(part.name) for panel in panels for lane in panel.lanes for part in lane.parts)
    colours = colours_of(list(names))
    return Pictured(
        tuple(panel_view(each, axis, colours, say) for each in panels),
        colours,
        tuple(numbers_row(each, numbers_of(each), say) for each in panels),
        has_errors=any(not lane.ok for panel in panels for lane in panel.lanes),
        has_holds=any(panel.holds for panel in panels),
        has_arrows=any(panel.arrows and len(panel.lanes) <= MANY for panel in panels),
        has_marks=any(panel.moments for panel in panels),
    )


def panel_view(panel: Panel, axis: Axis, colours: dict[str, str], say: Words) -> PanelView:
    """Return a panel as it is drawn."""
    groups, left_out = groups_of(panel.lanes, panel.arrows, say)
    moments: dict[tuple[int, int | None], list[Moment]] = defaultdict(list)
    for moment in panel.moments:
        moments[moment.key].append(moment)
    return PanelView(
        title=printable(name_of(panel, say)),
        subtitle=" · ".join(filter(None, (say("mode_line", loop=panel.loop), say.named("mode", panel.mode)))),
        total=say("in_all", time=duration(panel.total_s)),
        end=f"{axis.percent(panel.total_s):.2f}%",
        groups=tuple(group_view(each, panel.arrows, moments, axis, colours, say) for each in groups),
        bands=tuple(bands_of(panel, axis, say)),
        ticks=tuple(axis.ticks()),
        holds=tuple(
            (f"{axis.percent(each.span.begin_s):.2f}%", hold_width(each.span.length_s, axis), printable(each.place))
            for each in panel.holds[:MOST_LINES]
        ),
        hold_lines=tuple(hold_lines(panel, say)),
        moment_lines=tuple(moment_lines(panel, say)),
        notes=tuple(notes_of(panel, left_out, say)),
        rows=tuple(lane_row(each, say) for each in panel.lanes[:MOST_ROWS]),
        is_open=len(panel.lanes) <= SHOWN,
    )


def hold_width(length_s: float, axis: Axis) -> str:
    """Return the width of a hold, never too thin to be seen."""
    return f"{max(0.2, axis.percent(length_s)):.2f}%"


def group_view(
    group: Group,
    arrows: Sequence[Arrow],
    moments: Mapping[tuple[int, int | None], Sequence[Moment]],
    axis: Axis,
    colours: dict[str, str],
    say: Words,
) -> GroupView:
    """Return a group as it is drawn; arrows are drawn between the lanes of one group that is not small."""
    lanes = tuple(
        lane_view(each, moments.get(each.key, ()), axis, colours, say, is_small=group.is_small) for each in group.lanes
    )
    drawn = () if group.is_small else tuple(arrow_shapes(group, arrows, axis))
    return GroupView(group.title, lanes, group.is_small, drawn)


def lane_view(
    lane: Lane, moments: Sequence[Moment], axis: Axis, colours: dict[str, str], say: Words, *, is_small: bool
) -> LaneView:
    """Return a lane as it is drawn."""
    length = duration(lane.span.length_s)
    note = ending(lane, say)
    return LaneView(
        name=printable(lane.name),
        shapes=tuple(small_shapes_of(lane, axis) if is_small else shapes_of(lane, axis, colours, say)),
        runs_path=runs_path(lane, axis) if is_small else "",
        label=say("lane_says", time=length, run=duration(lane.run_s)),
        note=f"{length} {note}".rstrip() if is_small else note,
        end=f"{axis.percent(lane.span.end_s):.2f}%",
        ok=lane.ok,
        marks=tuple(
            (f"{axis.percent(each.at_s):.2f}%", f"{say.named('mark', each.kind)}: {printable(each.text)}")
            for each in moments
            if lane.span.begin_s <= each.at_s <= lane.span.end_s
        )[:MOST_LINES],
    )


def ending(lane: Lane, say: Words) -> str:
    """Return how a lane ended, in words; of one that held the loop and says no more, where it did so."""
    if lane.note or lane.is_open:
        return printable(lane.note) or say("still_open")
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


def bands_of(panel: Panel, axis: Axis, say: Words) -> Iterator[Band]:
    """Yield the bands of a panel: of its lanes where they are many, of its queues, of a loop that was late."""
    if len(panel.lanes) > MANY:
        most = say("at_most", count=f"{numbers_of(panel).most:,}")
        yield Band(say("at_a_time"), most, (("w", lanes_path(panel.lanes, axis)),))
        path, share = work_path(panel.lanes, axis)
        yield Band(say("thread_busy"), say("at_most", count=f"{share:.0%}"), (("r", path),))
    for curve in panel.depths[:MOST_QUEUES]:
        path = curve_path(curve.points, curve.most, axis)
        name = say("depth_of", name=printable(curve.name))
        yield Band(name, say("at_most", count=f"{curve.most:,.0f}"), (("q", path),))
    if panel.lag.most >= LATE_S:
        path = curve_path(panel.lag.points, panel.lag.most, axis)
        yield Band(say("loop_lag"), say("at_most", count=duration(panel.lag.most)), (("l", path),))


def hold_lines(panel: Panel, say: Words) -> Iterator[tuple[str, str, str]]:
    """Yield what is said of the calls that held the loop: the line of code, how long, and where it ran."""
    for each in panel.holds[:MOST_LINES]:
        at = duration(each.span.begin_s)
        task = printable(each.task) or say("no_task")
        said = say("hold_line", function=printable(each.function), task=task, at=at)
        place = printable(each.place) or say("place_unknown")
        yield place, duration(each.span.length_s), said if each.function else say("hold_line_bare", at=at)
    if len(panel.holds) > MOST_LINES:
        yield "", "", say("more", count=f"{len(panel.holds) - MOST_LINES:,}")


def moment_lines(panel: Panel, say: Words) -> Iterator[tuple[str, str, str]]:
    """Yield what is said of retries, redeliveries and the like: when first, what, and its words."""
    alike: dict[tuple[str, str], list[Moment]] = defaultdict(list)
    for moment in panel.moments:
        alike[moment.kind, moment.text].append(moment)
    for (kind, text), moments in list(alike.items())[:MOST_LINES]:
        often = f" × {len(moments):,}" if len(moments) > 1 else ""
        yield duration(moments[0].at_s), say.named("mark", kind) + often, printable(text)
    if len(alike) > MOST_LINES:
        yield "", "", say("more", count=f"{len(alike) - MOST_LINES:,}")


def notes_of(panel: Panel, left_out: int, say: Words) -> Iterator[str]:
    """Yield what a reader has to know of the recording: what is not in it, its clock, its own cost."""
    dropped = panel.dropped
    if panel.left_out:
        yield say("panels_not_drawn", count=f"{panel.left_out:,}")
    if left_out:
        yield say("not_drawn", count=f"{left_out:,}")
    if dropped.tasks or dropped.slices or dropped.phases or dropped.events:
        yield say("dropped", tasks=dropped.tasks, slices=dropped.slices, phases=dropped.phases, events=dropped.events)
    if panel.basis:
        yield say("basis", basis=panel.basis)
    if panel.overhead_s is not None:
        yield say("overhead", time=duration(panel.overhead_s))


def numbers_row(panel: Panel, numbers: Numbers, say: Words) -> Row:
    """Return the line of a panel in the table of all panels."""
    return Row(
        (
            printable(name_of(panel, say)),
            panel.loop,
            say.named("mode", panel.mode),
            duration(numbers.wall_s),
            duration(numbers.work_s),
            duration(numbers.wait_s),
            times(numbers.overlap),
            f"{numbers.lanes:,}",
            f"{numbers.failed:,}",
        )
    )


def lane_row(lane: Lane, say: Words) -> Row:
    """Return the line of a lane in the table of its panel."""
    return Row(
        (
            printable(lane.name),
            duration(lane.span.begin_s),
            duration(lane.span.length_s),
            duration(lane.run_s),
            duration(lane.wait_s + lane.for_tasks_s),
            printable(waits_on(lane, say)),
            ending(lane, say),
        ),
        lane.ok,
    )
