"""Trace files that are opened in the page: any size, any text, and what is no trace."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.watch.browser import traces
from tests.watch.browser.watch_program import BAD, WatchProgram, numbers, open_page, open_trace, painted
from tests.watch.page.texts import texts

pytestmark = pytest.mark.timeout(120)


def test_texts_of_a_trace_are_shown_and_never_obeyed(tmp_path: Path, watch: WatchProgram, chromium: Browser) -> None:
    """Names, errors and places are anyone's data: a name that looks like HTML is a name."""
    events = [*traces.process(1, "trace", title=traces.HOSTILE)]
    events += traces.task(1, 1, traces.HOSTILE, [0, 900], outcome="raised", error=traces.HOSTILE)
    page = open_page(chromium, watch.url)
    open_trace(page, traces.written(tmp_path / "hostile.json", [*events, *traces.ended(1, 1000)]))
    expect(page.locator("#run .panel h2")).to_have_text(traces.HOSTILE)
    assert numbers(page)[0][0][0] == traces.HOSTILE
    assert page.locator("#run img, #run script").count() == 0
    assert page.title() == "asynclab · Run"


def test_a_trace_that_was_cut_off_is_shown_as_far_as_it_goes(
    tmp_path: Path, watch: WatchProgram, chromium: Browser
) -> None:
    """The format allows a file without its end; a program that was killed leaves one."""
    events = [*traces.process(1, "trace"), *traces.task(1, 1, "whole", [0, 900]), *traces.task(1, 2, "cut", [0, 900])]
    page = open_page(chromium, watch.url)
    open_trace(page, traces.written(tmp_path / "cut.json", events, cut_off=True))
    expect(page.locator("#run .panel")).to_have_count(1)
    assert [(lane[0], lane[-1]) for lane in numbers(page)[0]] == [("whole", "returned"), ("cut", "has not ended")]


@pytest.mark.parametrize("content", ["", "[", "[1, null, {}]", "{}", '[{"ph": "X"}]', "\0\1"], ids=repr)
def test_a_file_that_is_no_trace_is_told_in_one_line(
    tmp_path: Path, watch: WatchProgram, chromium: Browser, content: str
) -> None:
    """The page goes on: the next file can be opened."""
    page = open_page(chromium, watch.url)
    file = tmp_path / "odd.json"
    file.write_text(content)
    open_trace(page, file)
    expect(page.locator("#run .bad-text").first).to_contain_text("odd.json is no trace")
    open_trace(page, traces.written(tmp_path / "good.json", traces.many(3, 3)))
    expect(page.locator("#run .panel")).to_have_count(1)


def test_a_call_that_holds_the_loop_is_named(tmp_path: Path, watch: WatchProgram, chromium: Browser) -> None:
    """From this picture a person says which line is to blame."""
    events = [*traces.process(1, "trace"), *traces.task(1, 1, "parser", [0, 500_000])]
    events += [*traces.task(1, 2, "meanwhile", [10, 490_000]), *traces.task(1, 3, "later", [450_000, 460_000])]
    events += [traces.blocking(1, 0, 400_000, place="demo.py:12"), *traces.ended(1, 500_001)]
    page = open_page(chromium, watch.url)
    open_trace(page, traces.written(tmp_path / "held.json", events))
    expect(page.locator("#run h1")).to_have_text("demo.py:12 held the loop for 400 ms.")
    expect(page.locator("#run .figure").nth(1)).to_contain_text("1")
    assert painted(page, BAD) > 1000, "the call has not the colour of errors in its lane"


@pytest.mark.parametrize(("language", "between"), [("en", " "), ("zh", "")])
def test_sentences_stand_beside_each_other_as_the_language_has_it(
    tmp_path: Path, watch: WatchProgram, chromium: Browser, language: str, between: str
) -> None:
    """Chinese has no space after a full stop: what failed, and the sentence after it."""
    text = texts(f"{language}.js")["story.failed"].format(failed=1, all=2)
    events = [*traces.process(1, "trace"), *traces.task(1, 1, "whole", [0, 900])]
    events += traces.task(1, 2, "broken", [0, 900], outcome="raised", error="no such dish")
    page = open_page(chromium, f"{watch.url}?lang={language}")
    open_trace(page, traces.written(tmp_path / "failed.json", [*events, *traces.ended(1, 1000)]))
    expect(page.locator("#run .lede").first).to_have_text(re.compile(f"^{re.escape(text)}{between}\\S"))


@pytest.mark.parametrize(
    ("program", "kind", "holds", "names"),
    [
        ("script.py", "task", False, ["child"]),
        ("script.py", "sleep", False, ["main", "child"]),
        ("script.py", "task", True, ["main", "child"]),
        ("hello", "sleep", True, ["child"]),
    ],
)
def test_the_first_task_of_another_program_has_a_lane_if_it_does_more_than_wait_for_its_children(
    tmp_path: Path, watch: WatchProgram, chromium: Browser, program: str, kind: str, *, holds: bool, names: list[str]
) -> None:
    """A person looks for what the own `main` did; one that only waits for its tasks says nothing more than they do."""
    events = [*traces.process(1, program), *traces.task(1, 1, "main", [0, 500_000], kind=kind)]
    events += [*traces.task(1, 2, "child", [10, 400_000], parent=1), *traces.ended(1, 500_001)]
    events += [traces.blocking(1, 100, 150_000, place="script.py:3")] if holds else []
    page = open_page(chromium, watch.url)
    open_trace(page, traces.written(tmp_path / "main.json", events))
    expect(page.locator("#run .panel")).to_have_count(1)
    assert [lane[0] for lane in numbers(page)[0]] == names


def test_a_redelivered_job_is_two_lanes_and_an_arrow(tmp_path: Path, watch: WatchProgram, chromium: Browser) -> None:
    """One id, two workers: what the first did not finish, the second did."""
    events = [*traces.process(1, "pipeline"), *traces.process(2, "worker"), *traces.process(3, "worker")]
    events += traces.task(1, 1, "producer", [0, 100])
    events += [*traces.task(2, 1, "job 7", [200, 300]), *traces.task(3, 1, "job 7", [5000, 5100])]
    events += traces.handed("handoff", 7, (1, 1, 50), (2, 1, 200))
    events += traces.handed("redelivery", 7, (2, 1, 300), (3, 1, 5000))
    events += [*traces.ended(1, 6000), *traces.ended(2, 6000), *traces.ended(3, 6000)]
    page = open_page(chromium, watch.url)
    open_trace(page, traces.written(tmp_path / "again.json", events))
    expect(page.locator("#run h1")).to_have_text("Nothing was lost: 1 delivered again.")
    assert [lane[0].split(" (")[0] for lane in numbers(page)[0]] == ["producer", "job 7", "job 7"]


def test_a_thousand_lanes_are_all_there(tmp_path: Path, watch: WatchProgram, chromium: Browser) -> None:
    """A trace as large as a recording may become is opened, zoomed and filtered, and its table is bounded."""
    page = open_page(chromium, watch.url)
    open_trace(page, traces.written(tmp_path / "many.json", traces.many(1000, 100)))
    lanes = page.locator("#run .lanes")
    expect(lanes).to_have_attribute("aria-label", re.compile("lanes: 1000,"))
    assert len(numbers(page)[0]) == 200
    page.get_by_label("filter lanes").fill("user-77")
    expect(lanes).to_have_attribute("aria-label", re.compile("lanes: 11,"))
