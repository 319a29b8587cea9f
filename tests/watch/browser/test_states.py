"""States of the page: the lab goes and comes back, and the page says so."""

import pytest
from playwright.sync_api import Browser, expect

from tests.watch.browser.watch_program import WatchProgram, open_page, press_run

pytestmark = pytest.mark.timeout(180)


def test_a_lab_that_goes_is_told_and_comes_back_by_itself(chromium: Browser) -> None:
    """The page of a lab that is stopped keeps what it showed; started again, it can run at once, with the new token."""
    with WatchProgram() as watch:
        page = open_page(chromium, f"{watch.url}?p=wget")
        press_run(page)
        watch.stop()
        expect(page.locator("#away")).to_be_visible()
        expect(page.locator("#health")).to_have_text("lab is away")
        expect(page.locator("#run .panel")).to_have_count(1)
        expect(page.locator("#run button[type=submit]")).to_be_disabled()
        watch.start()
        expect(page.locator("#away")).to_be_hidden()
        expect(page.locator("#run button[type=submit]")).to_be_enabled()
        press_run(page)
        expect(page.locator("#run .panel")).to_have_count(1)
