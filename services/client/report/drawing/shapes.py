"""Where a lane's shapes are, in per cent of the time axis: a picture is as wide as the page that shows it.

What is too thin to be seen is drawn MIN_PX wide; its title says its length. Times of running that are so close together
that no screen could part them are one shape, whose title counts them. So a lane has few shapes, however often it ran.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.client.report.lanes import Lane, Part, Span
from services.client.report.numbers import duration
from services.client.report.words import Words
from services.client.trace.ticks import tick_step

MIN_PX = 2
WIDE_PX, NARROW_PX = 1200, 300  # the widest and the narrowest axis
CLOSE, SMALL_CLOSE = 1 / 500, 1 / 250  # of the axis
SMALL_WIDTH, SMALL_HEIGHT = 1000, 8
MOST_COLOURED = 12  # kinds of phases
COLOURS = {"dns": "p1", "connect": "p2", "send": "p3", "head": "p4", "tls": "p5"}
UNTINTED = ("first byte",)  # it is a wait, and looks like one
OTHER_COLOURS = ("p6", "p1", "p2", "p3", "p4", "p5")


@dataclass(frozen=True, slots=True)
class Axis:
    """A time axis from 0 to `until_s`."""

    until_s: float

    def percent(self, at_s: float) -> float:
        """Return where a moment is, 0 to 100."""
        return min(100.0, max(0.0, at_s / self.until_s * 100)) if self.until_s > 0 else 0.0

    def ticks(self, most: int = 7) -> list[tuple[float, str]]:
        """Return the places of the ticks, and their times."""
        if self.until_s <= 0:
            return [(0.0, "0 s")]
        step = tick_step(self.until_s, most=most)
        count = int(self.until_s / step + 1e-9)
        unit_s, unit = (
            (1.0, "s") if step >= 0.1 or self.until_s >= 1 else (1e-3, "ms") if step >= 1e-4 else (1e-6, "µs")
        )
        return [(self.percent(n * step), f"{n * step / unit_s:.6g} {unit}") for n in range(count + 1)]


@dataclass(frozen=True, slots=True)
class Shape:
    """A rectangle of a lane: its place, its class of style, and its title."""

    x: str
    width: str
    style: str
    colour: str
    title: str


def shape(span: Span, colour: str, title: str, axis: Axis) -> Shape:
    """Return the shape of a time."""
    x, width = axis.percent(span.begin_s), axis.percent(span.end_s) - axis.percent(span.begin_s)
    if width * WIDE_PX / 100 < MIN_PX:
        return Shape(f"{x:.3g}%" if x < 10 else f"{x:.2f}%", str(MIN_PX), "", colour, title)
    style = f"width:max({MIN_PX}px,{width:.2f}%)" if width * NARROW_PX / 100 < MIN_PX else ""
    return Shape(f"{x:.2f}%", f"{width:.2f}%", style, colour, title)


def kind_of(name: str) -> str:
    """Return what phases are called that differ by a number alone: `item 7` is one of `item`."""
    return name.rstrip("0123456789").rstrip(" #-") or name


def colours_of(names: Sequence[str]) -> dict[str, str]:
    """Return the colour of each phase: that of its name or, for a name that is not known, one in turn.

    Where there are more names than a key can have, only those that are known have one.
    """
    if len(names) > MOST_COLOURED:
        names = [name for name in names if name in COLOURS]
    others = [name for name in names if name not in COLOURS and name not in UNTINTED]
    free = [each for each in OTHER_COLOURS if each not in {COLOURS.get(name) for name in names}] or OTHER_COLOURS
    turns = {name: free[number % len(free)] for number, name in enumerate(others)}
    return {name: COLOURS.get(name) or turns[name] for name in names if name not in UNTINTED}


def close_ones(runs: Sequence[Span], axis: Axis, *, close: float = CLOSE) -> Iterator[tuple[Span, int, float]]:
    """Yield the times of running as they are drawn: those that are close together as one, their count, their sum."""
    gap_s = axis.until_s * close
    begin_s = end_s = total_s = 0.0
    count = 0
    for run in runs:
        if count and run.begin_s - end_s > gap_s:
            yield Span(begin_s, end_s), count, total_s
            count, total_s = 0, 0.0
        if not count:
            begin_s = run.begin_s
        end_s, count, total_s = max(end_s, run.end_s) if count else run.end_s, count + 1, total_s + run.length_s
    if count:
        yield Span(begin_s, end_s), count, total_s


def drawn_parts(parts: Sequence[Part], colours: Mapping[str, str], axis: Axis) -> Iterator[tuple[Part, int, float]]:
    """Yield the phases that have a colour, as they are drawn: with how many they are, and their sum.

    Phases of one kind that are too short to be seen, and close together, are one.
    """
    kinds = defaultdict[tuple[str, bool], list[Part]](list)
    for part in parts:
        if (kind := kind_of(part.name)) in colours:
            kinds[kind, part.span.length_s < axis.until_s * CLOSE].append(part)
    for (kind, is_short), own in kinds.items():
        if not is_short:
            yield from ((part, 1, part.span.length_s) for part in own)
            continue
        first = 0
        for span, count, total_s in close_ones([part.span for part in own], axis):
            yield Part(own[first].name if count == 1 else kind, span), count, total_s
            first += count


def shapes_of(lane: Lane, axis: Axis, colours: Mapping[str, str], say: Words) -> list[Shape]:
    """Return the shapes of a lane, in the order in which they are drawn."""
    waited = duration(lane.wait_s + lane.for_tasks_s)
    what = waits_on(lane, say)
    title = say("waited_on", time=waited, what=what) if what else say("waited", time=waited)
    shapes = [shape(lane.span, "w", title, axis)]
    parts = list(drawn_parts(lane.parts, colours, axis))
    for part, count, total_s in parts:
        often = f" × {count:,}" if count > 1 else ""
        name = f"{say.named('phase', part.name)}{often}: {duration(total_s)}"
        kind = kind_of(part.name)
        shapes.append(shape(part.span, f"{'t' if kind in COLOURS else 'o'} {colours[kind]}", name, axis))
    for span, count, total_s in close_ones(lane.runs, axis):
        colour = colours.get(kind_of(part_at((span.begin_s + span.end_s) / 2, [part for part, _, _ in parts])), "r")
        often, time = f"{count:,}", duration(total_s)
        said = say("ran", time=time) if count == 1 else say("ran_often", count=often, time=time)
        shapes.append(shape(span, colour, said, axis))
    return shapes + [shape(each.span, "hr", held_title(each, say), axis) for each in lane.holds]


def held_title(hold: Part, say: Words) -> str:
    """Return what is said of a call that held the loop."""
    return say("held" if hold.name else "held_nowhere", place=hold.name, time=duration(hold.span.length_s))


def small_shapes_of(lane: Lane, axis: Axis) -> list[Shape]:
    """Return the shapes of a lane that is one of many: its time, and the calls that held the loop."""
    return [shape(lane.span, "w", "", axis), *(shape(each.span, "hr", "", axis) for each in lane.holds)]


def runs_path(lane: Lane, axis: Axis) -> str:
    """Return the times of running of a lane that is one of many as one path, which takes little room in the file.

    It is in a box of SMALL_WIDTH by SMALL_HEIGHT; its lines are of a width that the page gives.
    """
    parts, at = [f"M0 {SMALL_HEIGHT}"], 0
    for span, _, _ in close_ones(lane.runs, axis, close=SMALL_CLOSE):
        begin, end = (round(axis.percent(each) * SMALL_WIDTH / 100) for each in (span.begin_s, span.end_s))
        across = f"h{end - begin}" if end > begin else ""
        parts.append(f"m{begin - at} 0v-{SMALL_HEIGHT}{across}v{SMALL_HEIGHT}")
        at = max(begin, end)
    return "".join(parts)


def part_at(at_s: float, parts: Sequence[Part]) -> str:
    """Return the name of the innermost part at a moment; empty where there is none."""
    found = [each for each in parts if each.span.begin_s <= at_s <= each.span.end_s]
    return min(found, key=lambda each: each.span.length_s).name if found else ""


def waits_on(lane: Lane, say: Words) -> str:
    """Return what a lane waited for longest, in words; empty where that is not known."""
    kind, place = lane.waits_on
    return " · ".join(filter(None, (say.named("wait", kind), place)))
