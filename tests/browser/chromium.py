"""The browser of the tests: Chromium as the distribution packages it, without a window.

    from tests.browser.chromium import chromium  # a conftest.py has this line: then tests there may ask for it

    def test_page(chromium: Browser) -> None:
        page = opened(chromium, url, View(width=390, scheme="dark"))

Each test has its own browser. Playwright's synchronous calls have an event loop behind them, which is a running one
for all that the test calls: so it must end with the test, and what finds blocking calls must be off.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pytest
from blockbuster import BlockBuster
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
WITHOUT_WINDOW = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")  # as root, in a container
MISSING = "no Chromium is here: apt-get install chromium"
MAX_MS = 20_000  # of each wait

WIDE, NARROW = 1280, 390  # CSS pixels: a laptop's window, a telephone's screen
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


@dataclass(frozen=True, slots=True)
class View:
    """How a page is looked at: its width in CSS pixels, the colours that are preferred, and the person's language."""

    width: int = WIDE
    scheme: Scheme = "light"
    language: str = "en"
    scripts: bool = True
    height: int = 900


@pytest.fixture
def chromium(blockbuster: BlockBuster) -> Iterator[Browser]:
    """Have a browser, or skip: a person's machine may lack one, CI may not."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs a browser: {MISSING}")
        pytest.skip(MISSING)
    blockbuster.deactivate()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*WITHOUT_WINDOW])
        try:
            yield browser
        finally:
            browser.close()


def opened(browser: Browser, url: str, view: View = View()) -> Page:
    """Return a page that is open, in a context that shares nothing with others."""
    context = browser.new_context(
        viewport={"width": view.width, "height": view.height},
        color_scheme=view.scheme,
        locale=view.language,
        java_script_enabled=view.scripts,
    )
    context.set_default_timeout(MAX_MS)
    page = context.new_page()
    page.goto(url, wait_until="load")
    return page


def cut_tables(page: Page) -> list[str]:
    """Return the tables that are wider than what they are in: a part of them is cut, or has to be scrolled to."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("table")]
            .filter((table) => table.scrollWidth > table.parentElement.clientWidth + 1 && table.checkVisibility())
            .map((table) => table.innerText.slice(0, 80))"""
    )
    return found


def overflow_px(page: Page) -> int:
    """Return by how many pixels the page is wider than its window: 0, where nothing has to be scrolled sideways."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width
