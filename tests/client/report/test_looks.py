"""The report in a browser: it fits its window, breaks no rule of accessibility, and needs no script."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from services.client.report.page import report_html
from services.client.report.words import TEXTS, Language
from services.client.trace.model import Trace
from tests.browser.axe import violations
from tests.browser.chromium import NARROW, SCHEMES, WIDE, Scheme, View, cut_tables, opened, overflow_px
from tests.client.report.traces import comparison, held_loop, hostile, jobs, users

CASES = {
    "compared": comparison(error="reset by peer, 40 bytes"),
    "blocking": [held_loop()],
    "queue": [jobs()],
    "many": [users(60)],
    "hostile": [hostile()],
}


def page_of(traces: list[Trace], directory: Path, language: Language = "en") -> str:
    file = directory / f"report.{language}.html"
    file.write_text(report_html(traces, title="A report", command="client compare", language=language))
    return file.as_uri()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("case", CASES)
def test_it_breaks_no_rule_of_accessibility(tmp_path: Path, chromium: Browser, case: str, scheme: Scheme) -> None:
    """Contrast, names, roles and order, in light and dark, wide and narrow."""
    url = page_of(CASES[case], tmp_path)
    for width in (WIDE, NARROW):
        page = opened(chromium, url, View(width=width, scheme=scheme))
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        assert violations(page) == []
        assert overflow_px(page) == 0
        assert cut_tables(page) == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_column_of_text_begins_where_its_heading_begins(
    tmp_path: Path, chromium: Browser, language: Language
) -> None:
    """Else a heading that is wider than its column's values, as in Chinese, does not stand above them."""
    page = opened(chromium, page_of(comparison(), tmp_path, language))
    begins = page.evaluate(
        """() => {
            const start = (cell) => {
                const all = document.createRange();
                all.selectNodeContents(cell);
                return all.getBoundingClientRect().left;
            };
            const table = document.querySelector("table");
            const cells = ["thead th.text", "tbody tr:first-of-type td.text"];
            return cells.map((each) => [...table.querySelectorAll(each)].map(start));
        }"""
    )
    assert len(begins[0]) == 2
    assert begins[0] == pytest.approx(begins[1], abs=0.5)


def test_without_scripts_lanes_are_there_and_the_least_slice_is_two_pixels_wide(
    tmp_path: Path, chromium: Browser
) -> None:
    """A slice of a millisecond is seen, and its title says how long it really is."""
    page = opened(chromium, page_of(comparison(), tmp_path, "zh"), View(width=NARROW, scripts=False, language="zh-CN"))
    assert page.locator("ol.lanes > li").count() == 6
    widths = [box["width"] for each in page.locator("ol.lanes rect").all() if (box := each.bounding_box())]
    assert min(widths) > 1.99
    assert page.get_by_role("heading", level=1).inner_text() == TEXTS["overlaps"][1]


def test_a_keyboard_opens_the_groups_of_lanes(tmp_path: Path, chromium: Browser) -> None:
    """What is closed at first is reached by Tab and opened by Enter."""
    page = opened(chromium, page_of([users(60)], tmp_path))
    group = page.locator("details", has=page.locator(".small")).first
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert group.evaluate("details => details.open")


def test_text_is_never_smaller_than_eleven_pixels(tmp_path: Path, chromium: Browser) -> None:
    """Also the thin lanes of a large group have names that can be read."""
    page = opened(chromium, page_of([users(60)], tmp_path), View(width=NARROW))
    sizes = page.evaluate(
        "[...document.querySelectorAll('body *')].map(each => parseFloat(getComputedStyle(each).fontSize))"
    )
    assert min(sizes) >= 11


def test_it_is_printed_in_light_colours(tmp_path: Path, chromium: Browser) -> None:
    """Also from a window that is dark: a dark lane on paper hides what is in it."""
    dark = opened(chromium, page_of([held_loop()], tmp_path), View(scheme="dark"))
    light = opened(chromium, page_of([held_loop()], tmp_path), View(scheme="light"))
    dark.emulate_media(media="print")
    colours = [page.evaluate("getComputedStyle(document.querySelector('rect.w')).fill") for page in (dark, light)]
    assert colours[0] == colours[1]


def test_the_line_to_blame_is_whole_in_a_narrow_window(tmp_path: Path, chromium: Browser) -> None:
    """It is what a person looks for, so it is not cut off: in the heading, at the lane, and below."""
    page = opened(chromium, page_of([held_loop()], tmp_path), View(width=NARROW))
    assert "demo.py:12" in page.get_by_role("heading", level=1).inner_text()
    blamed = page.locator(".end.bad")
    assert blamed.inner_text() == "held the loop: demo.py:12"
    assert blamed.evaluate("each => each.scrollWidth <= each.clientWidth")
