"""What is said of a picture: one sentence of what is to be seen, why it is so, and three figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.client.report.lanes import WAITS_FOR_TASK
from services.client.report.numbers import Numbers, duration, numbers_of, times
from services.client.report.panels import Hold, Panel
from services.client.report.words import Words
from services.runtime.terminal import printable

FIGURES = 3
FASTER = 1.3  # times, from which on it is worth a word
PAIR = 2  # panels that are compared
SHARE = 0.15  # of a run that a call holds, from which on it is what is to be seen


@dataclass(frozen=True, slots=True)
class Figure:
    """A large figure, and what it is."""

    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Story:
    """One sentence, the sentences that explain it, and the figures."""

    headline: str
    sentences: tuple[str, ...]
    figures: tuple[Figure, ...]


def story_of(panels: Sequence[Panel], say: Words) -> Story:
    """Return what is said of panels: of a comparison, of a call that holds the loop, of two loops, or of one run."""
    numbers = [numbers_of(each) for each in panels]
    if not any(each.lanes for each in numbers):
        return Story(say("empty"), (say("empty_why"),), ())
    if len(panels) == PAIR and len({each.mode for each in panels if each.mode}) == PAIR:
        return comparison(panels, numbers, say)
    worst = max(panels, key=longest_hold_s)
    if worst.holds and longest_hold_s(worst) >= SHARE * worst.total_s:
        return hold_story(worst, worst.holds[0], say)
    if len(panels) == PAIR and len({each.loop for each in panels}) == PAIR:
        return loops(panels, numbers, say)
    if len(panels) > 1:
        return several(panels, numbers, say)
    return one_run(max(numbers, key=lambda each: each.wall_s), say)


def longest_hold_s(panel: Panel) -> float:
    """Return how long the longest call held the loop; 0 where none did."""
    return panel.holds[0].span.length_s if panel.holds else 0.0


def comparison(panels: Sequence[Panel], numbers: Sequence[Numbers], say: Words) -> Story:
    """Return the story of the same work in two modes."""
    before, after = numbers[0], numbers[1]
    is_faster = ratio_of(before, after) >= FASTER
    figures = [
        Figure(duration(number.wall_s), say.named("mode", panel.mode))
        for panel, number in zip(panels[:2], numbers[:2], strict=True)
    ]
    why = say(
        "overlaps_why" if is_faster else "no_overlap_why",
        lanes=say.counted(after.lanes, "piece"),
        before=duration(before.wall_s),
        after=duration(after.wall_s),
    )
    return Story(
        say("overlaps" if is_faster else "no_overlap"),
        (why, *failures(after, say)),
        (*figures, speedup(before, after, say)),
    )


def speedup(before: Numbers, after: Numbers, say: Words) -> Figure:
    """Return how many times as fast the second run was; of runs that did not do the same, that they do not compare."""
    if before.failed or after.failed:
        return Figure("—", say("no_comparison"))
    works = {"before": duration(before.work_s), "after": duration(after.work_s)}
    return Figure(times(ratio_of(before, after)), say("speedup", **works))


def ratio_of(before: Numbers, after: Numbers) -> float:
    """Return how many times as long the first run took."""
    return before.wall_s / max(after.wall_s, 1e-9)


def hold_story(panel: Panel, hold: Hold, say: Words) -> Story:
    """Return the story of a call that held the loop."""
    others = lanes_held(panel, hold)
    length = duration(hold.span.length_s)
    name = "held" if hold.place else "held_nowhere"
    return Story(
        say(name, place=printable(hold.place), time=length),
        (say("held_why", others=say.counted(others, "other")),),
        (
            Figure(length, say("hold_length")),
            Figure(f"{others:,}", say("stood_still")),
            Figure(duration(panel.total_s), say("wall")),
        ),
    )


def lanes_held(panel: Panel, hold: Hold) -> int:
    """Return how many other lanes had begun and not ended while a call held the loop.

    Those that wait for other tasks are not among them: they would have waited without that call, too.
    """
    return sum(
        lane.key != hold.key
        and lane.waits_on[0] != WAITS_FOR_TASK
        and lane.span.begin_s < hold.span.end_s
        and lane.span.end_s > hold.span.begin_s
        for lane in panel.work
    )


def loops(panels: Sequence[Panel], numbers: Sequence[Numbers], say: Words) -> Story:
    """Return the story of the same work on two loops."""
    pairs = list(zip(panels, numbers, strict=True))[:2]
    figures = [Figure(duration(number.wall_s), say("on_loop", loop=panel.loop)) for panel, number in pairs]
    ratio = pairs[1][1].work_s / max(pairs[0][1].work_s, 1e-9)
    return Story(
        say("two_loops", times=say.listed([f"{panel.loop} {duration(number.wall_s)}" for panel, number in pairs])),
        (
            say(
                "two_loops_why",
                works=say.listed([f"{panel.loop} {duration(number.work_s)}" for panel, number in pairs]),
            ),
        ),
        (*figures, Figure(f"{ratio:.2f} ×", say("work_ratio", loop=pairs[1][0].loop))),
    )


def several(panels: Sequence[Panel], numbers: Sequence[Numbers], say: Words) -> Story:
    """Return the story of several runs: how long each took."""
    figures = [
        Figure(duration(each.wall_s), printable(name_of(panel, say)))
        for panel, each in zip(panels, numbers, strict=True)
    ]
    named = [f"{figure.text} {figure.value}" for figure in figures]
    works = say.listed([duration(each.work_s) for each in numbers])
    return Story(
        say("several", count=len(panels), times=say.listed(named)),
        (say("several_why", works=works),),
        tuple(figures[:FIGURES]),
    )


def name_of(panel: Panel, say: Words) -> str:
    """Return what a panel is called."""
    return say.named("title", panel.title) or panel.name or say("this_run")


def one_run(numbers: Numbers, say: Words) -> Story:
    """Return the story of one run."""
    name = "many" if numbers.overlap >= FASTER else "plain"
    values = {
        "lanes": say.counted(numbers.lanes, "lane"),
        "most": f"{numbers.most:,}",
        "wall": duration(numbers.wall_s),
        "work": duration(numbers.work_s),
        "waits": duration(numbers.wait_s),
    }
    return Story(
        say(name, **values),
        (say(f"{name}_why", **values), *failures(numbers, say)),
        (
            Figure(values["wall"], say("wall")),
            Figure(values["waits"], say("wait_sum")),
            Figure(times(numbers.overlap), say("overlap")),
        ),
    )


def failures(numbers: Numbers, say: Words) -> tuple[str, ...]:
    """Return the sentence that says how many failed, if any did."""
    return (say("failed", failed=f"{numbers.failed:,}", lanes=f"{numbers.lanes:,}"),) if numbers.failed else ()
