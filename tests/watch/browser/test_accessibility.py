"""The page for everyone: axe-core's rules, the keyboard alone, narrow screens, both languages."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW, SCHEMES, WIDE, Scheme, View, cut_tables, overflow_px
from tests.watch.browser import traces
from tests.watch.browser.watch_program import RUN_MS, WatchProgram, load_again, numbers, open_page, open_trace, until

FOCUSED = """(() => {
    const element = document.activeElement;
    const shown = element.closest(".segments") ?? element;
    return `${element.tagName} ${element.textContent || element.value} ${getComputedStyle(shown).outlineStyle}`;
})()"""
TABS = ("run", "sites", "pipeline", "services")
pytestmark = pytest.mark.timeout(180)


def show_tab(page: Page, tab: str) -> None:
    page.locator(f"nav a[href='#{tab}']").click()
    expect(page.locator(f"#{tab} h1")).to_be_visible()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_no_tab_violates_a_rule_or_is_wider_than_its_window(
    tmp_path: Path, watch: WatchProgram, chromium: Browser, scheme: Scheme, width: int
) -> None:
    """Every tab, in both schemes, at both widths, with something in it."""
    page = open_page(chromium, watch.url, View(width=width, scheme=scheme))
    open_trace(page, traces.written(tmp_path / "a.json", traces.many(4, 4)))
    assert len(numbers(page)) == 1
    found = {}
    for tab in TABS:
        show_tab(page, tab)
        found[tab] = [*violations(page), *cut_tables(page), *(["too wide"] if overflow_px(page) else [])]
    assert found == {tab: [] for tab in TABS}


def test_all_is_done_by_keyboard(watch: WatchProgram, chromium: Browser) -> None:
    """Choose a program, run it, choose a lane and zoom: without a pointer."""
    page = open_page(chromium, f"{watch.url}?p=compare")
    page.locator("#run input[value=compare]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#run input[value=wget]")).to_be_focused()
    page.keyboard.press("Enter")  # in a form, Enter is its button
    expect(page.locator("#run .panel .total")).to_have_count(1, timeout=RUN_MS)
    expect(page.locator("#run button[type=submit]")).to_have_text("Run", timeout=RUN_MS)
    page.locator("#run .lanes").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#run .chart [role=status]")).to_contain_text("www.")
    page.keyboard.press("+")
    zoom = "document.querySelector('#run .lanes canvas').__zoom.k"
    until(page, f"{zoom} > 1")
    page.keyboard.press("0")
    until(page, f"{zoom} === 1")


def test_every_control_has_a_visible_focus(watch: WatchProgram, chromium: Browser) -> None:
    """Who moves by Tab sees where they are."""
    page = open_page(chromium, watch.url)
    seen = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.add(page.evaluate(FOCUSED))
    assert all(each.endswith(" solid") for each in seen if not each.startswith("BODY")), seen


def test_a_replay_and_a_filter_need_no_pointer(tmp_path: Path, watch: WatchProgram, chromium: Browser) -> None:
    """The focus stays where something can be done with it, also where the control that had it goes."""
    page = open_page(chromium, watch.url)
    open_trace(page, traces.written(tmp_path / "a.json", traces.many(4, 400)))
    page.get_by_label("Time of the replay").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#run .panel .total")).to_contain_text("so far")
    page.get_by_role("button", name="End replay").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#run .panel .total")).to_contain_text("in all")
    expect(page.get_by_role("button", name="Replay")).to_be_focused()
    page.get_by_label("filter lanes").focus()
    page.keyboard.type("user-3")
    expect(page.locator("#run .lanes")).to_have_attribute("aria-label", re.compile("lanes: 1,"))


def test_the_page_speaks_chinese(watch: WatchProgram, chromium: Browser) -> None:
    """The browser's language is taken; another choice is kept."""
    page = open_page(chromium, watch.url, View(language="zh-CN"))
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    expect(page.locator("#run button[type=submit]")).to_have_text("运行")
    page.get_by_role("button", name="English").click()
    expect(page.locator("#run button[type=submit]")).to_have_text("Run")
    load_again(page)
    expect(page.locator("#run button[type=submit]")).to_have_text("Run")
