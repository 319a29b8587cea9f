"""The tables: a line for each panel, and a line for each lane."""

from dataclasses import dataclass

from services.client.report.drawing.lane_views import ending
from services.client.report.drawing.shapes import waits_on
from services.client.report.lanes import Lane
from services.client.report.numbers import Numbers, duration, times
from services.client.report.panels import Panel
from services.client.report.story import name_of
from services.client.report.words import Words
from services.runtime.terminal import printable


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table; `ok`: of a lane, whether it ended well."""

    cells: tuple[str, ...]
    ok: bool = True


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
            ending(lane, say) or (say("outcome returned") if lane.outcome else ""),
        ),
        lane.ok,
    )
