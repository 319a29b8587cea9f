"""Draws a comparison: both runs on one time axis, their total times and ratio, and an explanation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.client.compare import pipeline
from services.client.compare.runs import Comparison, Run
from services.client.trace.model import Phase, Trace
from services.client.trace.terminal import Terminal
from services.client.trace.terminal_chart import Chart, Group, Lane, Span, draw, glyphs_of, wrapped

NOISE = 1.25  # two runs whose times have a smaller ratio took as long as each other
NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True)
class Captions:
    """The texts of a comparison: the titles of its runs, and the meaning of the two glyphs, `runs` and `waits`.

    `faster`, `equal` and `slower`: the explanation, where at once was measured to be that.
    """

    sequential: str
    at_once: str
    waits: str
    faster: str
    equal: str
    slower: str
    runs: str = "runs, if only for an instant"


COMPUTING = (
    "Producer and consumer compute, 20 ms for each item, and wait for nothing but their turn: the thread is never "
    "idle. A task that does not await lets no other run, so at once"
)
BUSY = (
    "At once was slower here, though the waits can pass together: other programs had the processor, or the network was "
    "slower in the second run. Measure again."
)
ALONE = "With one there is no other to run while it waits: one after another and at once are the same."
CAPTIONS = {
    "wget": Captions(
        sequential="one after another: one task, which waits for each site in turn",
        at_once="at once: a task for each site, and all wait at the same time",
        waits="waits for the site",
        faster="A task hardly runs: it waits. One after another, the waits add up. At once, the loop runs the other "
        "tasks while one waits: the waits pass together, and all of them take as long as the longest.",
        equal="The waits can pass together, but here that saved no time: they were too short beside the work around "
        "them, or the machine was busy. Measure again.",
        slower=BUSY,
    ),
    "hello": Captions(
        sequential="one after another: one task, which asks for each user in turn",
        at_once="at once: a task for each user, and all wait at the same time",
        waits="waits for the server",
        faster="Each answer takes its time in the server, which has one thread, as its users here have. At once, all "
        "users wait during the same time: while one answer has to wait, the server begins the others.",
        equal="The waits can pass together, but here that saved no time: the server answers too soon for it, or one "
        "user after another, or the machine was busy.",
        slower=BUSY,
    ),
    "pipeline": Captions(
        sequential="one after another: dialogue A, then dialogue B",
        at_once="at once: a task for each dialogue",
        runs="runs",
        waits="waits for its turn",
        faster=f"{COMPUTING} is no faster by itself: in the first run, other programs had the processor. "
        "Measure again.",
        equal=f"{COMPUTING} is no faster.",
        slower=f"{COMPUTING} is neither faster nor slower by itself: in the second run, other programs had the "
        "processor. Measure again.",
    ),
}


def picture(comparison: Comparison, terminal: Terminal) -> str:
    """Return a comparison as a terminal shows it."""
    captions = CAPTIONS[comparison.what]
    glyphs = glyphs_of(terminal)
    runs = ((captions.sequential, comparison.sequential), (captions.at_once, comparison.at_once))
    lanes_of = turn_lanes if comparison.what == "pipeline" else wait_lanes
    longest_s = max(each.trace.total_s for _, each in runs)
    groups = tuple(Group(title, seconds(each.trace.total_s), lanes_of(each)) for title, each in runs)
    chart = Chart(groups, longest_s, takes_turns=comparison.what == "pipeline")
    lines = [
        *draw(chart, terminal),
        *wrapped(f"{glyphs.runs} {captions.runs}   {glyphs.waits} {captions.waits}", terminal),
        "",
        *wrapped(summary(comparison), terminal),
        *wrapped(explanation(comparison), terminal),
    ]
    return "\n".join(lines)


def summary(comparison: Comparison) -> str:
    """Return the two totals as a ratio."""
    first_s, second_s = (each.trace.total_s for each in (comparison.sequential, comparison.at_once))
    loop = comparison.sequential.trace.loop
    if not all(comparison.answers):
        return f"{seconds(first_s)} and {seconds(second_s)} on {loop}; not every answer came, so they do not compare."
    return (
        f"{seconds(first_s)} one after another, {seconds(second_s)} at once: "
        f"{comparison.ratio:.1f} times as fast, on {loop}."
    )


def explanation(comparison: Comparison) -> str:
    """Return what the measured times show; empty where they do not compare."""
    if not all(comparison.answers):
        return ""
    if len(comparison.at_once.done) == 1:
        return ALONE
    captions = CAPTIONS[comparison.what]
    if comparison.ratio >= NOISE:
        return captions.faster
    return captions.equal if comparison.ratio > 1 / NOISE else captions.slower


def seconds(time_s: float) -> str:
    """Return a time with the unit that fits it."""
    return f"{time_s:.3f} s" if time_s >= 0.1 else f"{time_s * 1000:.3f} ms"


def wait_lanes(run: Run) -> tuple[Lane, ...]:
    """Return a lane for each piece of work: when its task ran, and when it waited."""
    phases = {phase.name: phase for phase in run.trace.phases}
    return tuple(
        Lane(name, spans(run.trace, phases[name]), "" if done else NO_ANSWER) for name, done in run.done.items()
    )


def spans(trace: Trace, phase: Phase) -> tuple[Span, ...]:
    """Return when, within a phase, its task ran and when it waited."""
    slices = next((task.slices for task in trace.tasks if task.id == phase.task), ())
    ran = ((max(each.begin_s, phase.begin_s), min(each.end_s, phase.end_s)) for each in slices)
    return within(phase, [times for times in ran if times[0] < times[1]])


def turn_lanes(run: Run) -> tuple[Lane, ...]:
    """Return two lanes for each dialogue: a consumer runs in its phases, its producer in between."""
    found: list[Lane] = []
    for phase in run.trace.phases:
        if phase.name in run.done:
            consumer = pipeline.consumer_phase(phase.name)
            consumers = within(
                phase, ((each.begin_s, each.end_s) for each in run.trace.phases if each.name == consumer)
            )
            producers = tuple(Span(each.begin_s, each.end_s, runs=not each.runs) for each in consumers)
            found += [Lane(f"{phase.name} producer", producers), Lane(consumer, consumers)]
    return tuple(found)


def within(phase: Phase, ran: Iterable[Sequence[float]]) -> tuple[Span, ...]:
    """Return the spans of a phase in which something ran at these times, and waited between them."""
    found: list[Span] = []
    until_s = phase.begin_s
    for begin_s, end_s in ran:
        if begin_s > until_s:
            found.append(Span(until_s, begin_s, runs=False))
        found.append(Span(begin_s, end_s, runs=True))
        until_s = end_s
    if phase.end_s > until_s:
        found.append(Span(until_s, phase.end_s, runs=False))
    return tuple(found)
