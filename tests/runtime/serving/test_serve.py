"""Serving an application: the port, its errors, and the end of connections."""

import asyncio
import logging
import resource
import socket

import pytest
from aiohttp import ClientSession, web

from services.runtime.errors import PortUnavailable
from services.runtime.http import Address
from services.runtime.serving.listen import AcceptErrorHandler, bind_socket
from services.runtime.serving.serve import serve_app

LOOPBACK = Address("127.0.0.1", 0)


@pytest.mark.anyio
async def test_a_port_in_use_is_one_line_that_names_it() -> None:
    """The line says which address and what to do."""
    async with serve_app(web.Application(), LOOPBACK) as taken:
        with pytest.raises(PortUnavailable, match=f"cannot listen on 127.0.0.1:{taken.port} .*choose another port"):
            async with serve_app(web.Application(), taken):
                pass


@pytest.mark.parametrize("host", ["192.0.2.1", "not a host"])
def test_an_address_that_is_not_ours_is_not_called_taken(host: str) -> None:
    """Another port would not help, so the remedy is another address."""
    with pytest.raises(PortUnavailable, match=f"cannot listen on {host}:0 .*: name an address of this machine"):
        bind_socket(Address(host, 0))


def test_no_file_left_to_open_is_one_line_that_names_the_limit() -> None:
    """The port is free: the process has no file left for a socket."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(
            PortUnavailable, match=r"Too many open files\): raise the limit of open files \(ulimit -n\)"
        ):
            bind_socket(LOOPBACK)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_listener_that_was_closed_while_connections_waited_leaves_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where no file was left, asyncio listens again a second later, also to a listener that was closed meanwhile."""
    closed = socket.socket()
    closed.close()
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        loop = runner.get_loop()
        loop.set_exception_handler(AcceptErrorHandler())
        loop.call_soon(loop._start_serving, asyncio.Protocol, closed)  # type: ignore[attr-defined]
        runner.run(asyncio.sleep(0))
    assert caplog.records == []


@pytest.mark.anyio
async def test_a_request_in_flight_is_answered_before_the_server_ends() -> None:
    """The port closes first; then requests in flight are answered."""
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


@pytest.mark.anyio
async def test_a_request_that_does_not_end_is_waited_for_once() -> None:
    """aiohttp waits twice: more than Compose's grace period, after which the container is killed (137)."""
    arrived = asyncio.Event()
    order: list[str] = []

    async def endless(_request: web.Request) -> web.Response:
        arrived.set()
        await asyncio.Event().wait()
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/", endless)])
    async with serve_app(app, LOOPBACK, drain_s=1.0) as address:
        _reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await arrived.wait()
        twice = asyncio.get_running_loop().call_later(1.8, order.append, "twice")
    order.append("ended")
    twice.cancel()
    writer.close()
    assert order == ["ended"]


@pytest.mark.anyio
async def test_bytes_that_are_not_http_are_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Any peer can send them: the log is not filled with tracebacks."""
    caplog.set_level(logging.INFO)
    async with serve_app(web.Application(), LOOPBACK) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET /\xff HTTP/1.1\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
    (record,) = caplog.records
    assert record.getMessage().startswith("Error handling request from 127.0.0.1: Invalid char in url path")
    assert (record.levelname, record.exc_info) == ("INFO", None)
