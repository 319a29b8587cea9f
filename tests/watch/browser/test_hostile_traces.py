"""Trace files of any origin in the page: each is drawn, or refused in one line, and the page goes on."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from services.client.report.numbers import duration
from services.client.trace.chrome.reading import NotATrace, read_trace
from tests.client.trace.chrome.hostile import CHANGES, text_of
from tests.watch.browser import traces
from tests.watch.browser.watch_program import WatchProgram, numbers, open_page, open_trace, press_run

NO_NUMBER = re.compile(r"\b(NaN|Infinity|undefined|null)\b|(^|[^\w.-])-\d[\d.,]* (s|ms|µs)\b|e\+\d", re.MULTILINE)
TIMES_US = (0, 1, 99, 120, 999.4, 999.6, 1034, 12_340, 99_960, 400_000, 999_600, 1_034_000, 59_960_000, 1_459_000_000)
MARK = "the file before"
pytestmark = pytest.mark.timeout(300)


def show(page: Page, file: Path) -> str:
    """Open a file, and return what the tab Run then says. Another one is opened first, so that the change is seen."""
    open_trace(
        page,
        traces.written(file.with_name("before.json"), [*traces.process(1, MARK), *traces.task(1, 1, MARK, [0, 9])]),
    )
    expect(page.locator("#run .bar select").last).to_contain_text("before.json")
    open_trace(page, file)
    expect(page.locator("#run .bar select").last).to_contain_text(file.name)
    return page.locator("#run").inner_text()


def test_hostile_traces_are_drawn_or_refused(tmp_path: Path, watch: WatchProgram, chromium: Browser) -> None:
    """All of them in one page: none breaks it. What the client's reader takes, the page draws, too."""
    page = open_page(chromium, watch.url)
    errors = list[str]()
    page.on("pageerror", lambda error: errors.append(f"{error}"))
    press_run(page)  # beside a run, an opened file has its name in sight
    found = dict[str, str]()
    for number, name in enumerate(CHANGES):
        file = tmp_path / f"{number}.json"
        file.write_text(text_of(name), encoding="utf-8", errors="surrogatepass")
        said = show(page, file)
        is_drawn = page.locator("#run .panel").count() > 0
        if is_drawn:
            said += "\n".join(cell for panel in numbers(page) for lane in panel for cell in lane)
        if not is_drawn and "is no trace" not in said:
            found[name] = "neither drawn nor refused"
        if NO_NUMBER.search(said):
            found[name] = f"{NO_NUMBER.search(said)} in {said}"
        if is_read(file) and not is_drawn:
            found[name] = "the client reads it, and the page does not draw it"
        if errors:
            found[name] = errors.pop()
    assert found == {}


def is_read(file: Path) -> bool:
    try:
        read_trace(file)
    except NotATrace:
        return False
    return True


def test_more_runs_than_there_is_room_for_are_counted(tmp_path: Path, watch: WatchProgram, chromium: Browser) -> None:
    """A browser cannot hold a canvas for each of a hundred thousand runs."""
    events = [
        each
        for pid in range(1, 71)
        for each in [*traces.process(pid, "x", title=f"{pid}"), *traces.task(pid, 1, "a", [0, 9])]
    ]
    page = open_page(chromium, watch.url)
    open_trace(page, traces.written(tmp_path / "runs.json", events))
    expect(page.locator("#run .panel")).to_have_count(64)
    expect(page.locator("#run")).to_contain_text("Runs that are not drawn: 6.")


def test_page_and_report_write_times_alike(watch: WatchProgram, chromium: Browser) -> None:
    """A person compares them."""
    page = open_page(chromium, watch.url)
    written = page.evaluate(
        "async (times) => { const { duration } = await import('/static/text/text.js'); return times.map(duration); }",
        [*TIMES_US],
    )
    assert written == [duration(us / 1e6) for us in TIMES_US]
