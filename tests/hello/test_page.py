"""A page as a response: what it sends is, byte for byte, what aiohttp makes of the same page."""

import asyncio
import re
from collections.abc import Callable

import pytest
from aiohttp import web

from services.hello.page import Page
from services.runtime.http import Address
from services.runtime.serving.serve import serve_app

TEXT = "<h1>新浪</h1>"
DATE = re.compile(rb"Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n")
GET, GET_1_0, CLOSE = b"GET / HTTP/1.1\r\nHost: a\r\n", b"GET / HTTP/1.0\r\nHost: a\r\n", b"Connection: close\r\n\r\n"
REQUESTS = {  # the last of each ends the connection
    "two, the first is kept": GET + b"\r\n" + GET + CLOSE,
    "close": GET + CLOSE,
    "HEAD": GET.replace(b"GET", b"HEAD") + CLOSE,
    "HTTP/1.0": GET_1_0 + b"\r\n",
    "HTTP/1.0, kept": GET_1_0 + b"Connection: keep-alive\r\n\r\n" + GET_1_0 + b"\r\n",
    "a body": GET + b"Content-Length: 2\r\n" + CLOSE + b"hi",
    "a body, kept": GET + b"Content-Length: 2\r\n\r\nhi" + GET + CLOSE,
    "a chunked body": GET + b"Transfer-Encoding: chunked\r\n" + CLOSE + b"2\r\nhi\r\n0\r\n\r\n",
}


async def answer(make: Callable[[], web.StreamResponse], request: bytes) -> bytes:
    """Return all that a server sends, until it ends the connection, without its dates."""

    async def page(_request: web.Request) -> web.StreamResponse:
        return make()

    app = web.Application()
    app.add_routes([web.get("/", page)])
    async with serve_app(app, Address("127.0.0.1", 0), drain_s=0) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(request)
        found = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert DATE.search(found)
    return DATE.sub(b"", found)


@pytest.mark.anyio
@pytest.mark.parametrize("request_bytes", REQUESTS.values(), ids=REQUESTS.keys())
async def test_it_is_sent_as_aiohttp_would_send_it(request_bytes: bytes) -> None:
    """Status line, fields and their order, body, and whether the connection goes on."""
    ours = await answer(lambda: Page(TEXT), request_bytes)
    assert ours == await answer(lambda: web.Response(text=TEXT, content_type="text/html"), request_bytes)
    assert ours.startswith(b"HTTP/1.")


@pytest.mark.anyio
async def test_a_page_that_ends_its_connection_says_so() -> None:
    """`force_close` asks for it."""

    def last() -> Page:
        page = Page(TEXT)
        page.force_close()
        return page

    assert b"\r\nConnection: close\r\n" in await answer(last, GET + b"\r\n")
