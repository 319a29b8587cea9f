"""A port is opened once and let go of well."""

import asyncio
import resource

import pytest
from aiohttp import ClientSession, web

from services.runtime.errors import PortUnavailable
from services.runtime.serve import Address, listening, serve_app

LOOPBACK = Address("127.0.0.1", 0)


@pytest.mark.anyio
async def test_a_port_in_use_is_one_line_that_names_it() -> None:
    """The line says which address and what to do."""
    async with serve_app(web.Application(), LOOPBACK) as taken:
        with pytest.raises(PortUnavailable, match=f"cannot listen on 127.0.0.1:{taken.port} .*choose another port"):
            async with serve_app(web.Application(), taken):
                pass


def test_no_file_left_to_open_is_one_line_that_names_the_limit() -> None:
    """Not a taken port: the system has nothing more to give to this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(
            PortUnavailable, match=r"Too many open files\): raise the limit of open files \(ulimit -n\)"
        ):
            listening(LOOPBACK)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.anyio
async def test_a_request_in_flight_is_answered_before_the_server_ends() -> None:
    """Draining: the port closes first, and who was let in gets an answer."""
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        arrived.set()
        await go_on.wait()
        return web.Response(text="late")

    async def get(url: str) -> str:
        async with ClientSession() as session, session.get(url) as response:
            return await response.text()

    app = web.Application()
    app.add_routes([web.get("/", slow)])
    async with serve_app(app, LOOPBACK) as address:
        asked = asyncio.ensure_future(get(address.url))
        await arrived.wait()
        asyncio.get_running_loop().call_soon(go_on.set)
    assert await asked == "late"
