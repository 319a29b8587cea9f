"""The stream of events: several pages at once, one that comes back, and nothing done while no page looks on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from services.runtime.http import Address
from services.runtime.serving.serve import serve_app
from services.watch.events.stream import BEAT, MAX_STREAMS
from tests.watch.serving import LOOPBACK, browser, lab_and_page, watched

pytestmark = pytest.mark.anyio


async def test_two_browsers_see_the_same() -> None:
    """Each by itself, whichever of them has started a run."""
    async with (
        lab_and_page() as (_lab, one),
        browser(one.url) as other,
        one.events() as of_one,
        other.events() as of_other,
    ):
        run = await other.run("hello")
        first, second = await of_one.end_of(run["id"]), await of_other.end_of(run["id"])
        assert first == second
        assert len(first[0]) == 3


async def test_a_page_begins_with_the_state() -> None:
    """All that it has to know, the runs of before among it."""
    async with lab_and_page() as (_lab, page):
        async with page.events() as events:
            run = await page.run("hello")
            await events.end_of(run["id"])
        async with page.events() as events:
            state = await events.next()
        assert (state.name, [each["id"] for each in state.data["runs"]]) == ("state", [run["id"]])
        assert {each["name"] for each in state.data["programs"]} == {"compare", "wget", "hello", "pipeline"}
        assert state.id.startswith(state.data["start"])
        assert state.data["runs"][0]["events"] == 3


async def test_a_page_that_comes_back_misses_nothing_and_gets_nothing_twice() -> None:
    """It says which event it has seen last."""
    async with watched() as page:
        async with page.events() as events:
            assert (await events.next()).name == "state"
            await events.until("lab")
            seen = events.last
        run = await page.run("hello")
        async with page.events(last=seen) as events:
            traced, _ = await events.end_of(run["id"])
        assert len(traced) == 3


async def test_a_page_that_was_away_for_long_gets_the_state_anew() -> None:
    """Also where the server has started again meanwhile."""
    async with watched() as page, page.events(last="0badc0ffee00-17") as events:
        assert (await events.next()).name == "state"


async def test_a_silent_stream_has_signs_of_life() -> None:
    """A comment, which a page never sees: what stands between does not take the connection for dead."""
    async with watched(beat_s=0.01, look_s=30) as page, page.events() as events:
        await events.until("services")
        for _ in range(3):
            assert await events.content.readuntil(b"\n\n") == BEAT


async def test_more_pages_than_there_may_be_are_refused() -> None:
    async with watched() as page, browser(page.url) as others:
        streams = [await others.session.get(f"{page.url}/api/events") for _ in range(MAX_STREAMS)]
        status, refused = await page.ask("GET", "/api/events")
        assert (status, refused) == (503, {"error": f"{MAX_STREAMS} pages look on already: close one"})
        for each in streams:
            each.close()


@asynccontextmanager
async def counted_lab() -> AsyncIterator[tuple[Address, list[str]]]:
    """Serve what is no lab, and yield its address and the paths that were asked for."""
    asked: list[str] = []

    async def any_path(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", any_path)
    async with serve_app(app, LOOPBACK, drain_s=0) as address:
        yield address, asked


async def test_nothing_is_asked_while_no_page_looks_on() -> None:
    """The lab is looked at while one does, again and again, and not any more when it has left."""
    async with counted_lab() as (lab, asked), watched(lab.url, look_s=0.01) as page:
        await asyncio.sleep(0.05)
        assert asked == []
        async with page.events() as events:
            for _ in range(3):
                await events.until("services")
        assert asked.count("/lab") >= 2
        while await still_asked(asked):
            pass


async def still_asked(asked: list[str]) -> bool:
    """Return whether anything is asked within the time of several looks."""
    before = len(asked)
    await asyncio.sleep(0.1)
    return len(asked) > before
