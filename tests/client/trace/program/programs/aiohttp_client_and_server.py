"""A server of aiohttp, and a client that asks it three things at once."""

import asyncio
import sys
from typing import Any

import uvloop
from aiohttp import ClientSession, web

NAMES = ("ann", "ben", "cem")


async def handle(request: web.Request) -> web.Response:
    """Answer after a while."""
    await asyncio.sleep(0.02)
    return web.Response(text=f"Hello, {request.match_info['name']}")


async def fetch(session: ClientSession, url: str) -> str:
    """Return a page."""
    async with session.get(url) as response:
        return await response.text()


async def main() -> None:
    """Serve, and ask."""
    app = web.Application()
    app.router.add_get("/{name}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with ClientSession() as session, asyncio.TaskGroup() as group:
        for name in NAMES:
            group.create_task(fetch(session, f"http://{host}:{port}/{name}"), name=name)
    await runner.cleanup()
    print("asked", len(NAMES))


if __name__ == "__main__":
    run: Any = uvloop.run if sys.argv[1] == "uvloop" else asyncio.run
    run(main())
