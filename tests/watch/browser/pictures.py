"""Makes the pictures of docs/pictures anew: `make pictures`. Each is what a person sees of `lab watch`, or of a report.

A folder for each thing that is seen, and in it a picture for each of eight views: a wide and a narrow window, light and
dark, English and Chinese. A picture has a palette: most of it is paper, and the repository stays small.
"""

import io
import itertools
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, expect, sync_playwright

from lab import ROOT
from tests.browser.chromium import MISSING, NAMES, NARROW, SCHEMES, WIDE, WITHOUT_WINDOW, View, opened
from tests.watch.browser.watch_program import RUN_MS, WatchProgram, open_page, open_trace, press_run

DIRECTORY = ROOT / "docs/pictures"
TABS = ("run", "sites", "pipeline", "services")
LANGUAGES = ("en", "zh")
HEIGHT = 800
VIEWS = tuple(
    View(width, scheme, language, height=HEIGHT)
    for width, scheme, language in itertools.product((WIDE, NARROW), SCHEMES, LANGUAGES)
)
SETTLE_MS = 500
LOOKS_MS = 3_500  # for the figures of a few looks at the services
MOST_HEIGHT = 2_400  # of a picture: the index of `lab report` is longer
COLOURS = 128
BLACK = (0, 0, 0)
BLOCKING = "lab/report/blocking_call.py"
FAULTY = "www.sohu.com"


def main() -> int:
    """Make all pictures, and say how large they are."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        print(f"pictures: {MISSING}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*WITHOUT_WINDOW])
        with WatchProgram() as watch:
            of_the_page(browser, watch.url, Path(made))
        of_reports(browser, Path(made))
        browser.close()
    sizes = [each.stat().st_size for each in DIRECTORY.rglob("*.png")]
    print(f"{len(sizes)} pictures, {sum(sizes):,} bytes")
    return 0


def of_the_page(browser: Browser, url: str, directory: Path) -> None:
    """Make the pictures of each tab, and of a call that holds the loop."""
    run_programs(browser, url)
    for tab in TABS:
        keep(tab, lambda view, tab=tab: shown_tab(browser, f"{url}?p=compare#{tab}", tab, view))  # type: ignore[misc]
    trace = directory / "blocking.json"
    lab(directory, "embedded", "trace", "--trace", trace.name, str(ROOT / BLOCKING))
    keep("blocking", lambda view: shown_trace(browser, url, trace, view))


def of_reports(browser: Browser, directory: Path) -> None:
    """Make the pictures of a report, and of the index of `lab report`."""
    for language in LANGUAGES:
        lab(directory, "embedded", "compare", "--delay", "1", "--report", named("report", language))
    lab(directory, "report", "--output", "index.html")
    for name in ("report", "index"):
        keep(name, lambda view, name=name: shown_file(browser, directory / named(name, view.language), view))  # type: ignore[misc]


def lab(directory: Path, *words: str) -> None:
    """Run `lab` in a directory: what it shows of its files is their names."""
    subprocess.run([sys.executable, "-m", "lab", *words], cwd=directory, check=True, stdout=subprocess.DEVNULL)


def named(name: str, language: str) -> str:
    """Return the name of a report's file."""
    return f"{name}.html" if language == "en" else f"{name}.{language}.html"


def run_programs(browser: Browser, url: str) -> None:
    """Run what the pictures show: a pipeline, a host with a fault, and at last a comparison."""
    page = open_page(browser, f"{url}?p=pipeline&edition=jetstream&n=60")
    press_run(page)
    page.goto(f"{url}?p=wget#sites")
    page.get_by_role("button", name=FAULTY).click()
    page.locator("[data-parameter=bytes]").fill("40")
    page.get_by_role("button", name="Set fault").click()
    expect(page.locator(".rule")).to_contain_text("rst_at")
    page.get_by_role("link", name="Run").click()
    press_run(page)
    page.locator("#run input[value=compare]").check(force=True)
    press_run(page)
    page.context.close()


def shown_tab(browser: Browser, url: str, tab: str, view: View) -> Page:
    """Return a page that shows a tab."""
    page = open_page(browser, url, view)
    expect(page.locator("#run .panel")).to_have_count(2, timeout=RUN_MS)
    if tab == "sites":
        page.get_by_role("button", name=FAULTY).click()
    page.wait_for_timeout(LOOKS_MS if tab == "services" else SETTLE_MS)
    return page


def shown_trace(browser: Browser, url: str, trace: Path, view: View) -> Page:
    """Return a page with an opened trace file."""
    page = open_page(browser, url, view)
    open_trace(page, trace)
    expect(page.locator("#run .panel")).to_have_count(1)
    expect(page.locator("#run h1")).to_contain_text(" ms")
    page.wait_for_timeout(SETTLE_MS)
    return page


def shown_file(browser: Browser, file: Path, view: View) -> Page:
    """Return a page that is a report."""
    return opened(browser, file.as_uri(), view)


def keep(name: str, show: Callable[[View], Page], views: Sequence[View] = VIEWS) -> None:
    """Keep a picture for each view."""
    folder = DIRECTORY / name
    folder.mkdir(parents=True, exist_ok=True)
    for view in views:
        page = show(view)
        picture = page.screenshot(full_page=True, clip=first_part(page))
        page.context.close()
        write(folder / f"{view.width}-{view.scheme}-{view.language}.png", picture)


def first_part(page: Page) -> FloatRect:
    """Return all of a page, or the first part of one that is long."""
    width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    return {"x": 0, "y": 0, "width": width, "height": min(height, MOST_HEIGHT)}


def write(file: Path, picture: bytes) -> None:
    """Write a picture with a palette."""
    with Image.open(io.BytesIO(picture)) as opened_picture:
        image = opened_picture.convert("RGB")
    # This method keeps colours that are rare, as that of a dot or a cross; but not those that are frequent.
    reduced = image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    reduced.putpalette(most_frequent(reduced, image))
    reduced.save(file, optimize=True)


def most_frequent(reduced: Image.Image, image: Image.Image) -> list[int]:
    """Return a palette in which each colour is the one that most of its pixels had."""
    values = iter(image.tobytes())
    pixels = zip(reduced.tobytes(), zip(values, values, values, strict=True), strict=True)
    colours: dict[int, tuple[int, int, int]] = {}
    for (index, colour), _ in Counter(pixels).most_common():
        colours.setdefault(index, colour)
    return [value for index in range(COLOURS) for value in colours.get(index, BLACK)]


if __name__ == "__main__":
    sys.exit(main())
