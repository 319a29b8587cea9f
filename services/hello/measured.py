"""A page's handler, counted and timed: `figures` has the numbers."""

from collections.abc import Awaitable, Callable
from time import perf_counter

from aiohttp import web

from services.hello.figures import RouteFigures

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Measure = Callable[[RouteFigures, Handler], Handler]


def measured(figures: RouteFigures, handler: Handler) -> Handler:
    """Return a handler that does the same, and counts and times each request."""
    begin, end, answered = figures.begin, figures.end, figures.answered

    async def wrapper(request: web.Request) -> web.StreamResponse:
        begin()
        began = perf_counter()
        try:
            response = await handler(request)
        finally:
            end(perf_counter() - began)
        answered()
        return response

    return wrapper
