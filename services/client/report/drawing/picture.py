"""What the templates get: each panel with its groups, shapes, bands and tables, and nothing that is left to reckon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.client.report.drawing.bands import Band, bands_of
from services.client.report.drawing.groups import groups_of
from services.client.report.drawing.lane_views import GroupView, LaneDrawing
from services.client.report.drawing.said import hold_lines, moment_lines, notes_of
from services.client.report.drawing.shapes import Axis, colours_of, kind_of
from services.client.report.drawing.tables import Row, lane_row, numbers_row
from services.client.report.numbers import duration, numbers_of
from services.client.report.panels import Panel
from services.client.report.story import name_of
from services.client.report.words import Words
from services.runtime.terminal import printable

MOST_HOLDS, MOST_ROWS = 20, 1000
SHOWN = 12  # lanes whose table is open


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
    moment_lines: tuple[tuple[str, str, str, str], ...]
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
    views = tuple(panel_view(each, axis, colours, say) for each in panels)
    large = [group for view in views for group in view.groups if not group.is_small]
    return Pictured(
        views,
        colours,
        tuple(numbers_row(each, numbers_of(each), say) for each in panels),
        has_errors=any(not lane.ok for panel in panels for lane in panel.lanes),
        has_holds=any(panel.holds for panel in panels),
        has_arrows=any(group.arrows for group in large),
        has_marks=any(lane.marks for group in large for lane in group.lanes),
    )


def panel_view(panel: Panel, axis: Axis, colours: dict[str, str], say: Words) -> PanelView:
    """Return a panel as it is drawn."""
    groups, left_out = groups_of(panel.lanes, panel.arrows, say)
    aside = {lane.key for group in groups if group.is_aside for lane in group.lanes}
    lanes = LaneDrawing(axis, colours, say, panel.moments)
    return PanelView(
        title=printable(name_of(panel, say)),
        subtitle=" · ".join(
            filter(None, (say("mode_line", loop=panel.loop), mode_beside(name_of(panel, say), panel, say)))
        ),
        total=say("in_all", time=duration(panel.total_s)),
        end=f"{axis.percent(panel.total_s):.2f}%",
        groups=tuple(lanes.group(each, panel.arrows) for each in groups),
        bands=tuple(bands_of(panel, axis, say)),
        ticks=tuple(axis.ticks()),
        holds=tuple(
            (f"{axis.percent(each.span.begin_s):.2f}%", hold_width(each.span.length_s, axis), printable(each.place))
            for each in panel.holds[:MOST_HOLDS]
        ),
        hold_lines=tuple(hold_lines(panel, say)),
        moment_lines=tuple(moment_lines([each for each in panel.moments if each.key not in aside], say)),
        notes=tuple(notes_of(panel, left_out, say)),
        rows=tuple(lane_row(each, say) for each in panel.lanes[:MOST_ROWS]),
        is_open=len(panel.lanes) <= SHOWN,
    )


def mode_beside(title: str, panel: Panel, say: Words) -> str:
    """Return the mode of a panel, where its title does not say it."""
    mode = say.named("mode", panel.mode)
    return "" if mode.casefold() in title.casefold() else mode


def hold_width(length_s: float, axis: Axis) -> str:
    """Return the width of a hold, never too thin to be seen."""
    return f"{max(0.2, axis.percent(length_s)):.2f}%"
