"""Page and report say the same thing in the same words, in both languages.

`SAME` is the table of the terms that both have: the key of the page's text, and the key of the report's. What only one
of them says is held to the same words by `NOT_SAID`.
"""

import re

import pytest

from services.client.report import story
from services.client.report.panels import MOST_PANELS
from services.client.report.words import TEXTS
from tests.watch.page.texts import TEXTS as TEXTS_OF_PAGE
from tests.watch.page.texts import texts

SAME = {
    # what a lane does, and how it ended
    "key.wait.site": "waiting",
    "key.work": "running",
    "key.held": "a_hold",
    "ending.none": "still_open",
    "ending.returned": "outcome returned",
    "ending.raised": "outcome raised",
    "ending.cancelled": "outcome cancelled",
    "ending.held": "held_by",
    "held.nowhere": "place_unknown",
    # runs, and what is said of them
    "mode.run": "this_run",
    "mode.one after another": "title One after another",
    "mode.sequential": "title One after another",
    "mode.at once": "title At once",
    "figure.sequential": "mode one after another",
    "value.sequential": "mode one after another",
    "figure.at-once": "mode at once",
    "value.at once": "mode at once",
    "story.compare.wget.faster.title": "overlaps",
    "story.held.title": "held",
    "story.held-nowhere.title": "held_nowhere",
    "foot.again": "again",
    "trouble.panels": "panels_not_drawn",
    # figures
    "figure.total": "wall",
    "figure.waits": "wait_sum",
    "figure.overlap": "overlap",
    "figure.held": "hold_length",
    "figure.others-held": "stood_still",
    "figure.speedup": "speedup",
    "figure.no-comparison": "no_comparison",
    "chart.total": "in_all",
    # tables
    "numbers.title": "numbers_title",
    "numbers.name": "col_name",
    "numbers.begin": "col_begin",
    "numbers.length": "col_took",
    "numbers.ran": "col_ran",
    "numbers.waited": "col_waited",
    "numbers.ending": "col_end",
    "option.loop": "col_loop",
    "option.mode": "col_mode",
    "services.lag": "loop_lag",
    # names that recordings use
    **{f"phase.{name}": f"phase {name}" for name in ("dns", "connect", "tls", "send", "first byte", "head")},
    **{
        f"wait.{name}": f"wait {name}"
        for name in ("sleep", "socket", "lock", "queue", "task", "thread", "turn", "other")
    },
}
PLACE = re.compile(r"\{\w+}")
BOUNDS = (
    ("run/story.js", "HELD", story.SHARE),
    ("run/story.js", "FASTER", story.FASTER),
    ("trace/panels.js", "MOST_PANELS", MOST_PANELS),
)
PAGE = TEXTS_OF_PAGE.parent
OF_RECORDINGS = ("phase", "wait")
OWN_WAITS = {"wait.unknown"}  # of the page: a task that waits now, for what is not yet told
NOT_SAID = {  # the term that is meant, and what it is not called
    "lane": (0, r"\b(row|track)s?\b"),
    "running, ran": (0, r"\b(works|worked|working)\b"),
    "one after another, at once": (0, r"\b(in turn|concurrently|sequentially|in parallel)\b"),
    "泳道": (1, r"(?<![运进执并可自])行(?!为|动)|轨道"),
    "运行": (1, r"在工作|干活"),
    "依次执行、并发执行": (1, r"一个接一个|逐个|同时执行|同时进行|并行|顺序执行"),
    "阻塞": (1, r"占住|占用事件循环|卡住"),
    "事件循环": (1, r"(?<!事件)循环"),
    "重新投递": (1, r"再次投递|重发|又投递"),
    "总用时": (1, r"实际用时|墙上|总共|历时"),
}


@pytest.mark.parametrize(("page", "report"), SAME.items(), ids=SAME)
def test_page_and_report_have_the_same_term(page: str, report: str) -> None:
    """Who has learnt a word on the page meets it again in the report. A label may begin with a capital letter."""
    for file, text in zip(("en.js", "zh.js"), TEXTS[report], strict=True):
        assert texts(file)[page].casefold() == text.casefold()


@pytest.mark.parametrize(("file", "name", "value"), BOUNDS, ids=[each[1] for each in BOUNDS])
def test_page_and_report_say_a_thing_from_the_same_bound_on(file: str, name: str, value: float) -> None:
    """Else one of them tells of a call that held the loop, and the other of waits."""
    found = re.search(rf"const {name} = ([\d.]+);", (PAGE / file).read_text())
    assert found
    assert float(found[1]) == value


@pytest.mark.parametrize("kind", OF_RECORDINGS)
def test_the_names_of_recordings_are_the_same_ones(kind: str) -> None:
    """A kind of wait or a phase that only one of them knows would be shown as it is by the other."""
    of_page = {each for each in texts("en.js") if each.startswith(f"{kind}.")} - OWN_WAITS
    of_report = {each.replace(" ", ".", 1) for each in TEXTS if each.startswith(f"{kind} ")}
    assert of_page == of_report <= SAME.keys()


@pytest.mark.parametrize(("language", "pattern"), NOT_SAID.values(), ids=NOT_SAID)
def test_no_other_word_is_used_for_a_term(language: int, pattern: str) -> None:
    """One name, one meaning: in all texts of both."""
    page = texts(("en.js", "zh.js")[language])
    said = {f"page: {key}": text for key, text in page.items()}
    said |= {f"report: {key}": both[language] for key, both in TEXTS.items()}
    said = {key: PLACE.sub("", text) for key, text in said.items()}
    assert {key: text for key, text in said.items() if re.search(pattern, text, re.IGNORECASE)} == {}
