"""A contestant: the tutorial's own program on today's aiohttp, with its sleep as an option and nothing else changed.

`python -m lab.bench.baselines.tutorial PORT --loop LOOP --delay SECONDS`. What aiohttp has changed since is how an
application is served; the two pages and their routes are as they were.
"""

import argparse
import asyncio

from aiohttp import web

from services.runtime.run import loop_factory


def application(delay_s: float) -> web.Application:
    """Return the tutorial's application."""

    async def index(_request: web.Request) -> web.Response:
        await asyncio.sleep(delay_s)
        return web.Response(body=b"<h1>Index</h1>", content_type="text/html")

    async def hello(request: web.Request) -> web.Response:
        await asyncio.sleep(delay_s)
        text = f"<h1>hello, {request.match_info['name']}!</h1>"
        return web.Response(body=text.encode("utf-8"), content_type="text/html")

    app = web.Application()
    app.router.add_route("GET", "/", index)
    app.router.add_route("GET", "/hello/{name}", hello)
    return app


def main() -> None:
    """Read the options, and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--loop", default="asyncio")
    parser.add_argument("--delay", type=float, default=0.5)
    options = parser.parse_args()
    loop = loop_factory(options.loop)()
    web.run_app(application(options.delay), host="127.0.0.1", port=options.port, loop=loop, print=None)


if __name__ == "__main__":
    main()
