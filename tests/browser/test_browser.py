"""The browser that tests have: what it is told of the person reaches the page, and its rules find what they should."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.axe import violations
from tests.browser.chromium import NARROW, SCHEMES, Scheme, View, opened, overflow_px

PAGE = '<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1><p>{}</p></main></html>'


def written(directory: Path, body: str) -> str:
    file = directory / "page.html"
    file.write_text(PAGE.format(body))
    return file.as_uri()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_page_knows_scheme_width_and_language_of_its_view(tmp_path: Path, chromium: Browser, scheme: Scheme) -> None:
    """What a test looks at is what a person with these preferences sees."""
    page = opened(chromium, written(tmp_path, "text"), View(width=NARROW, scheme=scheme, language="zh-CN"))
    assert page.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
    assert page.evaluate("[innerWidth, navigator.language]") == [NARROW, "zh-CN"]
    assert overflow_px(page) == 0


def test_what_violates_a_rule_is_found(tmp_path: Path, chromium: Browser) -> None:
    """A check that finds nothing in any page would prove nothing."""
    page = opened(chromium, written(tmp_path, '<img src="data:,"><span style="color:#eee">pale</span>'))
    assert {line.split(":")[0] for line in violations(page)} == {"image-alt", "color-contrast"}
    assert violations(opened(chromium, written(tmp_path, "text"))) == []
