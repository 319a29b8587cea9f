"""The page of `lab watch` with a large trace: how soon it shows it, and how many frames a second it draws.

The trace is made in the page, and opened as a file that a person opens. The browser is the distribution's Chromium,
without a window; one that is not here is a note in the place of the figures.
"""

import shutil
from importlib.util import find_spec
from statistics import median
from typing import NamedTuple

from lab.bench.harness.figures import Promise, Table
from lab.bench.harness.load.servers import module
from lab.bench.harness.processes import free_port
from lab.bench.harness.rounds import Say

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WITHOUT_WINDOW = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
NO_LAB = "http://127.0.0.1:9"  # the page opens files without a lab, too
FRAMES = 120
FRAMES_GOAL, OPENED_GOAL_S = 30.0, 1.0
MAX_MS = 120_000

EMPTY = """async (count) => {
    const begin = performance.now();
    for (let frame = 0; frame < count; frame += 1) await new Promise(requestAnimationFrame);
    return (count * 1000) / (performance.now() - begin);
}"""
OPEN = """async ({lanes, slices}) => {
    const { tabs } = await import("/static/main.js");
    const own = (tid) => ({ pid: 1, tid });
    const events = [{ ph: "M", pid: 1, tid: 0, name: "asynclab", args: { program: "hello" }, ts: 0 }];
    for (let tid = 1; tid <= lanes; tid += 1) {
        const at = (slice) => tid * 10 + slice * 1000;
        events.push({ ...own(tid), ph: "B", ts: at(0), name: `user-${tid}`, cat: "task", args: { task: tid } });
        for (let slice = 0; slice < slices; slice += 1) {
            events.push({ ...own(tid), ph: "X", ts: at(slice), dur: 100, name: "run", cat: "run" });
            const args = { kind: "socket", awaits: "read", place: "a.py:1" };
            events.push({ ...own(tid), ph: "X", ts: at(slice) + 100, dur: 900, name: "wait", cat: "wait", args });
        }
        events.push({ ...own(tid), ph: "E", ts: at(slices), cat: "task", args: { outcome: "returned" } });
    }
    const end = { total_us: slices * 1000 + lanes * 10 };
    events.push({ ph: "M", pid: 1, tid: 0, name: "asynclab_end", args: end, ts: end.total_us });
    const text = `[\\n${events.map((each) => JSON.stringify(each)).join(",\\n")}\\n]\\n`;
    const file = new File([text], "large.json");
    const parse = performance.now();
    JSON.parse(text);
    const { frames } = tabs.run.chart;
    const begin = performance.now();
    await tabs.run.openFile(file);
    while (tabs.run.chart.frames === frames) await new Promise(requestAnimationFrame);
    return [(performance.now() - begin) / 1000, (begin - parse) / 1000];
}"""
DRAW = """async (count) => {
    const { tabs: { run: { chart } } } = await import("/static/main.js");
    const first = chart.frames;
    const begin = performance.now();
    for (let frame = 1; frame <= count; frame += 1) {
        chart.setReplay((chart.span * frame) / count);
        await new Promise(requestAnimationFrame);
    }
    return ((chart.frames - first) * 1000) / (performance.now() - begin);
}"""


class Size(NamedTuple):
    """How large the trace is: lanes, and slices of each."""

    lanes: int
    slices: int


class Shown(NamedTuple):
    """What one turn measured: until the trace was in sight, and frames a second of its replay.

    The ceilings: how long the browser parses the file, and frames a second of a page that draws nothing.
    """

    opened_s: float
    frames_per_s: float
    parsed_s: float
    empty_per_s: float


FULL, TINY = Size(1_000, 100), Size(10, 5)


def missing() -> str:
    """Return what is missing to measure the page; empty: nothing is."""
    if browser() is None:
        return "the page is not measured: no Chromium is here: apt-get install chromium"
    if find_spec("playwright") is None:
        return "the page is not measured: playwright, which drives the browser, is missing: pip install playwright"
    return ""


def browser() -> str | None:
    """Return the program of the browser, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def measured(size: Size, rounds: int, say: Say) -> list[Shown]:
    """Open the trace and replay it, in a new browser each time."""
    port = free_port()
    environment = {"WATCH_HOST": "127.0.0.1", "WATCH_PORT": str(port), "WATCH_LAB": NO_LAB}
    with module("services.watch", (), port=port, environment=environment):
        found = []
        for number in range(1, rounds + 1):
            say(f"round {number} of {rounds}: the page, {size.lanes * size.slices:,} slices")
            found.append(shown(f"http://127.0.0.1:{port}/", size))
        return found


def shown(url: str, size: Size) -> Shown:
    """Open the trace in a new browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser(), args=[*WITHOUT_WINDOW])
        try:
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(MAX_MS)
            page.goto(url, wait_until="load")
            empty_per_s = page.evaluate(EMPTY, FRAMES)
            opened_s, parsed_s = page.evaluate(OPEN, {"lanes": size.lanes, "slices": size.slices})
            return Shown(opened_s, page.evaluate(DRAW, FRAMES), parsed_s, empty_per_s)
        finally:
            chromium.close()


def table(found: list[Shown], size: Size) -> Table:
    """Return the figures, a row a round."""
    rows = tuple((f"round {number}", *each) for number, each in enumerate(found, 1))
    title = f"trace: the page, {size.lanes:,} lanes, {size.lanes * size.slices:,} slices"
    columns = ("", "s until it is in sight", "frames a second", "s to parse it", "frames a second of an empty page")
    return Table(title, columns, rows)


def goals(found: list[Shown], size: Size) -> tuple[Promise, ...]:
    """Return the goals of the page, with the median of the rounds."""
    opened_s = median(each.opened_s for each in found)
    frames = median(each.frames_per_s for each in found)
    return (
        Promise(
            f"the page draws {size.lanes:,} lanes at {FRAMES_GOAL:g} frames a second",
            frames >= FRAMES_GOAL,
            f"{frames:.0f} a second",
            is_goal=True,
            held_by="what is drawn of each lane in each frame",
            ceiling=f"an empty page: {median(each.empty_per_s for each in found):.0f} a second",
        ),
        Promise(
            f"the page shows a trace of {size.lanes * size.slices:,} slices within {OPENED_GOAL_S:g} s",
            opened_s <= OPENED_GOAL_S,
            f"{opened_s:.2f} s",
            is_goal=True,
            held_by="what is kept of each slice, and the first frame",
            ceiling=f"JSON.parse of the same text: {median(each.parsed_s for each in found):.2f} s",
        ),
    )
