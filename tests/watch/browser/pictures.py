"""Makes the pictures of docs/pictures anew: `make pictures`. Each is what a person sees of `lab watch`.

Each tab in a wide and a narrow window, light and dark, in English and Chinese: four pictures a tab show each of these
twice.
"""

import shutil
import sys

from playwright.sync_api import Browser, Page, expect, sync_playwright

from lab import ROOT
from tests.browser.chromium import MISSING, NAMES, NARROW, WIDE, WITHOUT_WINDOW, View
from tests.watch.browser.watch_program import RUN_MS, WatchProgram, open_page, press_run

DIRECTORY = ROOT / "docs/pictures"
TABS = ("run", "sites", "pipeline", "services")
HEIGHT = 800
VIEWS = (
    View(WIDE, "light", "en", height=HEIGHT),
    View(WIDE, "dark", "zh-CN", height=HEIGHT),
    View(NARROW, "dark", "en", height=HEIGHT),
    View(NARROW, "light", "zh-CN", height=HEIGHT),
)
SETTLE_MS = 2_500  # for the figures of two looks at the services


def main() -> int:
    """Make all pictures, and say how large they are."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        print(f"pictures: {MISSING}", file=sys.stderr)
        return 1
    DIRECTORY.mkdir(exist_ok=True)
    with WatchProgram() as watch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*WITHOUT_WINDOW])
        run_programs(open_page(browser, f"{watch.url}?p=pipeline&edition=queue&n=50"))
        for view in VIEWS:
            for tab in TABS:
                keep(browser, f"{watch.url}?p=compare#{tab}", tab, view)
        browser.close()
    size = sum(each.stat().st_size for each in DIRECTORY.glob("*.png"))
    print(f"{len(list(DIRECTORY.glob('*.png')))} pictures, {size:,} bytes")
    return 0


def run_programs(page: Page) -> None:
    """Run what the pictures show: a pipeline, and then a comparison."""
    press_run(page)
    page.locator("#run input[value=compare]").check(force=True)
    press_run(page)


def keep(browser: Browser, url: str, tab: str, view: View) -> None:
    """Keep the picture of a tab."""
    page = open_page(browser, url, view)
    expect(page.locator("#run .panel")).to_have_count(2, timeout=RUN_MS)
    page.wait_for_timeout(SETTLE_MS if tab == "services" else 500)
    name = f"{tab}-{view.width}-{view.scheme}-{view.language[:2]}.png"
    page.screenshot(full_page=True, path=DIRECTORY / name)
    page.context.close()


if __name__ == "__main__":
    sys.exit(main())
