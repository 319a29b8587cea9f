"""What is said below the lanes: calls that held the loop, moments, and what a reader has to know of the recording."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from services.client.report.numbers import duration
from services.client.report.panels import Moment, Panel
from services.client.report.words import Words
from services.runtime.terminal import printable

MOST_LINES = 20
MOST_NAMES = 5  # of lanes, in a line


def hold_lines(panel: Panel, say: Words) -> Iterator[tuple[str, str, str]]:
    """Yield what is said of the calls that held the loop: the line of code, how long, and where it ran."""
    for each in panel.holds[:MOST_LINES]:
        at = duration(each.span.begin_s)
        task = say("of_task", name=printable(each.task)) if each.task else say("no_task")
        said = say("hold_line", function=printable(each.function), task=task, at=at)
        place = printable(each.place) or say("place_unknown")
        yield place, duration(each.span.length_s), said if each.function else say("hold_line_bare", at=at)
    if len(panel.holds) > MOST_LINES:
        yield "", "", say("more", count=f"{len(panel.holds) - MOST_LINES:,}")


def moment_lines(moments: Sequence[Moment], say: Words) -> Iterator[tuple[str, str, str, str]]:
    """Yield what is said of retries, redeliveries and the like: when first, what, its words, and in which lanes."""
    alike: dict[tuple[str, str], list[Moment]] = defaultdict(list)
    for moment in moments:
        alike[moment.kind, moment.text].append(moment)
    for (kind, text), same in list(alike.items())[:MOST_LINES]:
        often = f" × {len(same):,}" if len(same) > 1 else ""
        yield duration(same[0].at_s), say.named("mark", kind) + often, printable(text), lanes_text(same, say)
    if len(alike) > MOST_LINES:
        yield "", "", say("more", count=f"{len(alike) - MOST_LINES:,}"), ""


def lanes_text(moments: Sequence[Moment], say: Words) -> str:
    """Return in which lanes moments were: the names of the first ones, and how many more there are."""
    names = [lane for _, lane in dict.fromkeys((each.key, each.lane) for each in moments if each.lane)]
    if not names:
        return ""
    listed = say.listed([printable(each) for each in names[:MOST_NAMES]])
    more = len(names) - MOST_NAMES
    return say("in_lanes_and_more", lanes=listed, count=f"{more:,}") if more > 0 else say("in_lanes", lanes=listed)


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
