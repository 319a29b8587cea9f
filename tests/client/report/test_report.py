"""The report as HTML: what it says of a trace, that nothing foreign gets into its markup, and that it stays small."""

import re
from dataclasses import replace
from string import Formatter

import pytest

from lab import ROOT
from services.client.report.drawing.shapes import COLOURS
from services.client.report.lanes import lanes_of
from services.client.report.numbers import duration, numbers_of
from services.client.report.page import report_html
from services.client.report.panels import panels_of
from services.client.report.words import LANGUAGES, TEXTS, Language, Words
from services.client.trace.model import Mark, Outcome, Phase, Task, Trace
from tests.client.report.traces import FETCH_S, HOSTILE, comparison, held_loop, hostile, jobs, process, users

REPORT = ROOT / "services/client/report"
MADE = {"many_why", "plain_why"}
STYLES = ("services/client/report/templates/style.css", "services/watch/page/style/colours.css")


def html(traces: list[Trace], language: Language = "en") -> str:
    return report_html(traces, title="a title", command="client wget", language=language)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (1.034, "1.03 s"), (12.34, "12.3 s"), (699.2, "699 s"), (0.0124, "12.4 ms"), (0.00012, "120 µs")],
)
def test_a_time_is_written_in_three_digits(seconds: float, text: str) -> None:
    """A reader compares figures by their first digits."""
    assert duration(seconds) == text


def test_waits_add_up_and_overlap_by_the_wall_time() -> None:
    """One after another nothing overlaps; at once, three waits pass in the time of one."""
    before, after = [numbers_of(panel) for panel in panels_of(comparison())]
    assert before.lanes == after.lanes == 3
    assert (before.most, after.most) == (1, 3)
    assert before.overlap == pytest.approx(1.0, abs=0.01)
    assert after.overlap == pytest.approx(3 * FETCH_S / after.wall_s)


def test_the_root_of_our_programs_has_no_lane_and_that_of_others_has() -> None:
    """It only waits for its children; but in a program of another person every task is of interest."""
    own = comparison()[0]
    assert "main" not in [lane.name for lane in lanes_of(own, 1, zero_s=0.0, until_s=4.0)]
    foreign = Trace((process(4.0, program="demo.py"),), own.tasks, own.phases)
    assert "main" in [lane.name for lane in lanes_of(foreign, 1, zero_s=0.0, until_s=4.0)]


@pytest.mark.parametrize(
    ("traces", "said"),
    [
        (comparison(), ["Waiting overlaps. Work does not.", "One after another", "At once"]),
        (
            comparison(error="reset by peer"),
            [
                "1 of 3 lanes ended in an error.",
                "some lanes ended in an error, so the runs do not compare",
                "reset by peer",
                'class="cut"',
            ],
        ),
        ([held_loop()], ["demo.py:12 held the loop for 500 ms.", "Calls that held the loop", "task report"]),
        ([users(1000)], ["636 ×", "at most 1,000", "Ended in an error: 10", "The slowest 15"]),
        ([jobs()], ["depth of jobs", "at most 6", "redelivery", "ConnectionResetError: peer"]),
        ([Trace((process(0.0),))], ["Nothing was recorded."]),
    ],
    ids=["compared", "error", "blocking", "many", "queue", "empty"],
)
def test_it_says_what_is_to_be_seen(traces: list[Trace], said: list[str]) -> None:
    """The first sentence, figures and the words of what went wrong are there for a person who sees no picture."""
    page = html(traces)
    assert [each for each in said if each not in page] == []
    assert "loop asyncio" in page


CANCELLED = {
    1: 'cancelled <bdi>late</bdi> <span class="faint">(<bdi>in: user-1</bdi>)</span>',
    3: 'cancelled × 3 <bdi>late</bdi> <span class="faint">(<bdi>in: user-1, user-2, user-3</bdi>)</span>',
    9: "(<bdi>in: user-1, user-2, user-3, user-4, user-5, and 4 more</bdi>)",
}


@pytest.mark.parametrize(("count", "said"), CANCELLED.items())
def test_what_was_cancelled_is_named(count: int, said: str) -> None:
    """The first lanes, and how many more there are: a count alone would not say where to look."""
    trace = users(20)
    named = {task.name: task for task in trace.tasks}
    marks = [Mark(named[f"user-{n + 1}"].id, named[f"user-{n + 1}"].begin_s, "cancel", "late") for n in range(count)]
    again = [marks[0]] if count > 3 else []  # twice in one lane: it is named once
    assert said in html([replace(trace, marks=(*marks, *again))])


def test_a_mark_is_in_the_piece_of_work_of_its_time() -> None:
    """One task does several pieces, and each has its lane."""
    task = Task(1, "all", None, 0.0, 2.0, Outcome.RETURNED, ())
    phases = tuple(Phase(name, 1, begin_s, begin_s + 0.9, note="ok") for name, begin_s in (("one", 0.0), ("two", 1.0)))
    trace = Trace((process(2.0),), (task,), phases, marks=(Mark(1, 1.5, "retry", ""), Mark(1, 0.95, "cancel", "")))
    assert [(each.kind, each.lane) for each in panels_of([trace])[0].moments] == [("cancel", "all"), ("retry", "two")]


def test_how_a_task_ended_is_said_in_the_language() -> None:
    """Beside its lane where it did not return, and in the table."""
    ends = [*Outcome]
    tasks = tuple(Task(n, f"task-{n}", None, 0.0, 1.0, outcome, ()) for n, outcome in enumerate(ends, 1))
    page = html([Trace((process(1.0),), tasks)], "zh")
    counts = [page.count(f"<bdi>{TEXTS[f'outcome {each}'][1]}</bdi>") for each in ends]
    assert dict(zip(ends, counts, strict=True)) == {Outcome.RETURNED: 1, Outcome.RAISED: 2, Outcome.CANCELLED: 2}


def test_a_comparison_says_what_the_work_of_both_runs_took() -> None:
    """The work is not the same in both: to share a processor has its cost."""
    before, after = (duration(numbers_of(panel).work_s) for panel in panels_of(comparison()))
    assert f"as fast; the work took {before}, then {after}" in html(comparison())


@pytest.mark.parametrize(("count", "text"), [(0, "0 lanes"), (1, "1 lane"), (2, "2 lanes"), (1234, "1,234 lanes")])
def test_one_thing_is_not_said_to_be_several(count: int, text: str) -> None:
    """Sentences have their numbers from recordings, which may be of one task."""
    assert Words("en").counted(count, "lane") == text
    assert str(count)[0] in Words("zh").counted(count, "lane")


def test_work_and_phases_have_the_colours_of_the_page() -> None:
    """Who has seen one of them reads the other; and no two of its colours are alike."""
    own, page = (re.findall(r"(--\w+): (#\w+)", (ROOT / file).read_text()) for file in STYLES)
    assert len(own) > len(COLOURS)
    wanted = {"wait": "wait", "work": "work"} | {mine: phase for phase, mine in COLOURS.items()}
    for mine, name in wanted.items():
        assert [value for key, value in own if key == f"--{mine}"] == [
            value for key, value in page if key == f"--{name}"
        ]


def test_names_and_errors_of_programs_are_escaped() -> None:
    """A trace may be of any origin: its texts are shown, and are no markup and no control characters."""
    page = report_html([hostile()], title=HOSTILE, command=HOSTILE)
    assert "<script" not in page
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", page)


def test_it_has_no_script_and_no_address() -> None:
    """One file is all of it: it can be sent, and tells no one that it was opened."""
    page = html(comparison())
    assert "<script" not in page
    assert not re.search(r"https?://|url\(|src=|@import", page)


def test_a_thousand_lanes_are_small_and_ten_thousand_are_no_larger() -> None:
    """What is beyond the bound is counted: the file stays one that can be sent."""
    assert len(html([users(1000)]).encode()) < 2_000_000
    assert len((page := html([users(10_000)])).encode()) < 2_000_000
    assert "Lanes that are not drawn, but are in the sums: 9,000." in page


@pytest.mark.parametrize("name", TEXTS)
def test_both_languages_have_the_same_values(name: str) -> None:
    """A translation that leaves out a number says less."""
    fields = [{field for _, field, _, _ in Formatter().parse(text) if field} for text in TEXTS[name]]
    assert len(TEXTS[name]) == len(LANGUAGES)
    assert fields[0] == fields[1] or name == "two_loops_why"


def test_every_text_is_said() -> None:
    """A text that nothing says is translated for nothing. Names of recordings and plurals are put together."""
    files = [each for each in REPORT.rglob("*") if each.suffix in {".py", ".j2"} and each.name != "words.py"]
    code = "\n".join(each.read_text() for each in files)
    quoted = set(re.findall(r"""["'](\w+)["']""", code)) | MADE
    assert [
        each for each in TEXTS if " " not in each and each.removesuffix("s") not in quoted and each not in quoted
    ] == []


def test_names_that_are_not_known_stay_as_they_are() -> None:
    """Phases and modes are of the recorded program."""
    assert Words("zh").named("phase", "dns") == "域名解析"
    assert Words("zh").named("phase", "warm up") == "warm up"
