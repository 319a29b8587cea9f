"""Lesson 7, the application: the tutorial's two pages.

Each page awaits `asyncio.sleep` for half a second, as a query of a database would. Meanwhile the process serves
thousands of other people: this is what the lab is about. `operations` adds health and metrics; `__main__` serves it.
"""

import asyncio
import html
from collections.abc import Mapping

from aiohttp import web

from services.hello.lesson import run_lesson
from services.hello.measured import Handler
from services.hello.operations import application
from services.hello.page import Page
from services.hello.settings import HelloSettings


def make_app(settings: HelloSettings) -> web.Application:
    """Return the application; it opens nothing until it is served."""
    return application(settings, pages(settings))


def pages(settings: HelloSettings) -> Mapping[str, Handler]:
    """Return the handler of each page, by its route."""

    async def index(_request: web.Request) -> Page:
        await asyncio.sleep(settings.delay_s)
        return Page("<h1>Index</h1>")

    async def hello(request: web.Request) -> Page:
        await asyncio.sleep(settings.delay_s)
        name = html.escape(request.match_info["name"])
        return Page(f"<h1>hello, {name}!</h1>")

    return {"/": index, "/hello/{name}": hello}


if __name__ == "__main__":
    run_lesson(make_app)
