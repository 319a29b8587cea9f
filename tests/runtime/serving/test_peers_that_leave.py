"""Peers that leave in the middle of a request: at any byte, this is no error, and no traceback is logged."""

import asyncio
import logging
import socket
import struct
from pathlib import Path

import pytest
from aiohttp import web

from services.hello.app import make_app
from services.hello.settings import HelloSettings
from services.runtime.http import Address
from services.runtime.serving.serve import serve_app
from tests.sites.target import one_site

pytestmark = pytest.mark.anyio

RESET = struct.pack("ii", 1, 0)
BODY = b'{"faults": []}'
FIELDS = b"Host: localhost\r\nContent-Length: %d\r\n" % len(BODY)
REQUESTS = {
    "get": b"GET /hello/x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "metrics": b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "large": b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "journal": b"GET /journal HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "body": b"PUT /faults/keep.test HTTP/1.1\r\n" + FIELDS + b"\r\n" + BODY,
    "chunked": b'PUT /faults/keep.test HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"fau',
    "expect": b"PUT /faults/keep.test HTTP/1.1\r\nExpect: 100-continue\r\n" + FIELDS + b"\r\n",
    "expect, and go on": b"POST /journal/verify HTTP/1.1\r\nExpect: 100-continue\r\n" + FIELDS + b"\r\n" + BODY,
    "expect of a get": b"GET /hello/x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n",
    "unknown": b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no http": b"GET /\xff HTTP/1.1\r\n\r\n",
    "upgrade": b"GET /hello/x HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\nxxxx",
}


async def leave(address: Address, request: bytes, *, reset: bool, rounds: int) -> None:
    """Connect, send, wait for some rounds of the loop, and leave: by a reset, or by the end of both directions."""
    loop = asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.setblocking(False)
        await loop.sock_connect(connection, address)
        await loop.sock_sendall(connection, request)
        for _ in range(rounds):
            await asyncio.sleep(0)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


async def leave_everywhere(address: Address) -> None:
    """Leave after some bytes of each request, in some of the loop's rounds."""
    for request in REQUESTS.values():
        ends = {*range(1, len(request), 9), len(request)}
        for reset in (False, True):
            for rounds in range(4):
                async with asyncio.TaskGroup() as group:
                    for end in ends:
                        group.create_task(leave(address, request[:end], reset=reset, rounds=rounds))


def log_beyond_info(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged beyond one line of information."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno > logging.INFO or record.exc_info or "\n" in record.getMessage()
    ]


async def test_peers_that_leave_the_admin_side_are_a_line_each_at_most(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By FIN or RST, in the head, in the body and in the answer."""
    caplog.set_level(logging.INFO)
    async with one_site(tmp_path) as target:
        await leave_everywhere(Address("127.0.0.1", int(target.admin.rpartition(":")[2])))
        assert (await target.call("GET", "/faults"))[0] == 200
    assert log_beyond_info(caplog) == []


async def test_peers_that_leave_hello_are_a_line_each_at_most(caplog: pytest.LogCaptureFixture) -> None:
    """Also while the page waits."""
    caplog.set_level(logging.INFO)
    async with serve_app(make_app(HelloSettings(delay_s=0.001)), Address("127.0.0.1", 0)) as address:
        await leave_everywhere(address)
    assert log_beyond_info(caplog) == []


async def test_a_mistake_in_a_handler_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """It is an error of the code, and the traceback says where."""

    async def broken(_request: web.Request) -> web.Response:
        raise OSError("no such thing")

    app = web.Application()
    app.add_routes([web.get("/", broken)])
    async with serve_app(app, Address("127.0.0.1", 0)) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 500 " in await reader.readline()
        writer.close()
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info
