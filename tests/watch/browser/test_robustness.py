"""What a person does without thinking of it, and what a link may hold: the page goes on, and says what it shows."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import View
from tests.watch.browser import traces
from tests.watch.browser.watch_program import (
    RUN_MS,
    WatchProgram,
    load_again,
    numbers,
    open_page,
    open_trace,
    painted,
    press_run,
    wait_for_begin,
)

pytestmark = pytest.mark.timeout(180)

DAY = """async () => {
    const { store } = await import("/static/main.js");
    for (let number = 0; number < 300; number += 1) {
        const about = { id: `day-${number}`, program: "wget", state: "running", events: 0, options: {}, began: "" };
        store.take("run", { id: about.id, run: about });
        const event = { ph: "B", pid: 1, tid: 1, ts: 1, name: "a", cat: "task", args: {} };
        store.take("run", { id: about.id, first: 0, events: [event] });
        store.take("run", { id: about.id, run: { ...about, state: "ended", events: 1, exit_code: 0 } });
    }
    return [store.runs.all.length, store.runs.all.filter((each) => each.trace.count).length];
}"""
WAIT_ON_PAPER = (0xD9, 0xE3, 0xEE)  # --wait of the light scheme
INK_ON_PAPER = "rgb(29, 33, 38)"


def runs_in(page: Page) -> list[str]:
    """Return the states of the runs that the page knows."""
    found: list[str] = page.evaluate(
        "import('/static/main.js').then(({ store }) => store.runs.all.map((each) => each.about.state))"
    )
    return found


def test_a_double_click_on_run_starts_one_run_and_does_not_stop_it(watch: WatchProgram, chromium: Browser) -> None:
    """The second click comes when the button is Stop already."""
    page = open_page(chromium, f"{watch.url}?p=hello&users=3")
    before = len(runs_in(page))
    page.locator("#run button[type=submit]").dblclick(delay=200)
    expect(page.locator("#run .panel .total")).to_have_count(1, timeout=RUN_MS)
    expect(page.locator("#run button[type=submit]")).to_have_text("Run", timeout=RUN_MS)
    assert runs_in(page)[: len(runs_in(page)) - before] == ["ended"]


def test_a_page_that_is_loaded_again_in_the_middle_of_a_run_follows_it_to_its_end(
    watch: WatchProgram, chromium: Browser
) -> None:
    """What it had missed meanwhile is fetched."""
    page = open_page(chromium, f"{watch.url}?p=compare&delay=4")
    page.locator("#run button[type=submit]").click()
    expect(page.locator("#run .panel")).to_have_count(1, timeout=RUN_MS)
    load_again(page)
    expect(page.locator("#run button[type=submit]")).to_have_text("Stop", timeout=RUN_MS)
    expect(page.locator("#run button[type=submit]")).to_have_text("Run", timeout=RUN_MS)
    expect(page.locator("#run .panel")).to_have_count(2)
    assert [len(panel) for panel in numbers(page)] == [3, 3]


def test_two_browsers_run_at_once(watch: WatchProgram, chromium: Browser) -> None:
    """Each shows its own run. A third one at the same time is refused in one line."""
    third = open_page(chromium, f"{watch.url}?p=hello")
    pages = [open_page(chromium, f"{watch.url}?p=compare&delay=2&loop={loop}") for loop in ("asyncio", "uvloop")]
    for page in pages:
        page.locator("#run button[type=submit]").click()
        expect(page.locator("#run button[type=submit]")).to_have_text("Stop", timeout=RUN_MS)
    said = third.evaluate(
        "import('/static/main.js').then(({ tabs }) => tabs.run.start()).catch((error) => error.message)"
    )
    assert said == "2 runs are under way: wait for one of them, or stop it"
    for page, loop in zip(pages, ("asyncio", "uvloop"), strict=True):
        expect(page.locator("#run button[type=submit]")).to_have_text("Run", timeout=RUN_MS)
        expect(page.locator("#run .panel .sub").first).to_have_text(loop)
        assert [len(panel) for panel in numbers(page)] == [3, 3]


@pytest.mark.parametrize(
    "link",
    [
        "?p=%3Cimg%20src=x%3E&users=1e999&loop=__proto__#run",
        "?p=wget&targets=%3Cscript%3E,javascript:alert(1),evil.example&mode=constructor#run",
        "?p=hello&users=-1&lang=constructor#run=%3Cimg%20src=x%20onerror=alert(1)%3E",
        "?p=pipeline&n=99999999999999999999&edition=toString#__proto__",
        "?p=compare&p=hello&what=hasOwnProperty&delay=0.5#%00%ff",
    ],
)
def test_a_link_with_hostile_text_is_a_page_like_any_other(watch: WatchProgram, chromium: Browser, link: str) -> None:
    """What cannot be is left out; what is shown of it is text."""
    errors: list[str] = []
    page = open_page(chromium, watch.url)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{watch.url}{link}", wait_until="load")
    wait_for_begin(page)
    expect(page.locator("#run button[type=submit]")).to_have_text("Run")
    assert page.locator("main img, main script, main b").count() == 0
    assert page.locator("html").get_attribute("lang") == "en"
    assert errors == []


def test_a_target_that_is_no_host_of_the_lab_is_refused_in_one_line(watch: WatchProgram, chromium: Browser) -> None:
    """A link may name it; the server does not fetch it."""
    page = open_page(chromium, f"{watch.url}?p=wget&targets=evil.example")
    before = runs_in(page)
    page.locator("#run button[type=submit]").click()
    expect(page.locator("#run form [role=status]")).to_contain_text("'evil.example' is no host of the lab")
    assert runs_in(page) == before


def test_a_run_that_is_stopped_says_so(watch: WatchProgram, chromium: Browser) -> None:
    """It shows how far it came, and praises nothing."""
    page = open_page(chromium, f"{watch.url}?p=compare&delay=5")
    page.locator("#run button[type=submit]").click()
    expect(page.locator("#run .panel .total")).to_contain_text("so far", timeout=RUN_MS)
    page.locator("#run button[type=submit]").click()
    expect(page.locator("#run h1")).to_have_text("This run was stopped.", timeout=RUN_MS)
    expect(page.locator("#run button[type=submit]")).to_have_text("Run")


def test_a_page_that_is_left_open_keeps_no_more_than_the_server(watch: WatchProgram, chromium: Browser) -> None:
    """Over a day, hundreds of runs may come and go: the page has the last ones, and traces of a few of them."""
    page = open_page(chromium, watch.url)
    kept, traces_kept = page.evaluate(DAY)
    assert kept == page.evaluate("import('/static/main.js').then(({ store }) => store.limits.kept)")
    assert 0 < traces_kept < 10


def test_the_title_says_how_many_users_there_were(watch: WatchProgram, chromium: Browser) -> None:
    """And no name of a value is left in any text."""
    page = open_page(chromium, f"{watch.url}?p=compare&what=hello&users=4")
    press_run(page)
    expect(page.locator("#run h1")).to_have_text("4 users wait, and one thread serves them all.")
    assert "{" not in page.locator("#run").inner_text()


def test_a_run_is_printed_in_light_colours_without_controls(
    tmp_path: Path, watch: WatchProgram, chromium: Browser
) -> None:
    """Also from a dark page: what is seen on paper is the lanes, their story and the command."""
    page = open_page(chromium, watch.url, View(scheme="dark"))
    open_trace(page, traces.written(tmp_path / "a.json", traces.many(4, 4)))
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == INK_ON_PAPER
    assert page.locator("#run .bar:visible, nav:visible, .well:visible").count() == 0
    expect(page.locator("#run h1")).to_be_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert painted(page, WAIT_ON_PAPER) > 100
    assert page.pdf().startswith(b"%PDF")
