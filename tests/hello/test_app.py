"""The hello server's pages."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, TCPConnector

from services.hello.app import make_app
from services.hello.settings import HelloSettings
from services.runtime.http import Address
from services.runtime.serving import limited_protocol
from services.runtime.serving.connection_limits import CONNECTION_BYTES
from services.runtime.serving.serve import POOL, serve_app


@asynccontextmanager
async def hello(delay_s: float = 0.0) -> AsyncIterator[ClientSession]:
    """Serve the application and yield a session with it."""
    app = make_app(HelloSettings(delay_s=delay_s))
    async with (
        serve_app(app, Address("127.0.0.1", 0), drain_s=0) as address,
        ClientSession(address.url, connector=TCPConnector(limit=0)) as session,
    ):
        yield session


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/", "<h1>Index</h1>"),
        ("/hello/Ada", "<h1>hello, Ada!</h1>"),
        ("/hello/%3Cscript%3E%22&'", "<h1>hello, &lt;script&gt;&quot;&amp;&#x27;!</h1>"),
        ("/hello/%E6%96%B0%E6%B5%AA", "<h1>hello, 新浪!</h1>"),
    ],
    ids=["index", "name", "markup is escaped", "utf-8"],
)
async def test_pages(path: str, page: str) -> None:
    """The tutorial's pages; the name in the path is shown as text, never as mark-up."""
    async with hello() as session, session.get(path) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert await response.text() == page


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/hello/", 404), (f"/hello/{'x' * 9000}", 400)])
async def test_an_unknown_path_is_an_error_status_and_not_a_traceback(path: str, status: int) -> None:
    """Unknown paths are 404; a target over the server's limit is 400."""
    async with hello() as session, session.get(path) as response:
        assert response.status == status


@pytest.mark.anyio
async def test_metrics_count_and_time_each_route() -> None:
    """Each request is counted once."""
    async with hello() as session:
        for _ in range(3):
            await session.get("/hello/x")
        async with session.get("/metrics") as response:
            lines = (await response.text()).splitlines()
    assert 'hello_requests_total{route="/hello/{name}"} 3.0' in lines
    assert "hello_requests_in_flight 0.0" in lines


@pytest.mark.anyio
async def test_users_are_served_while_others_wait() -> None:
    """While one request sleeps, the loop serves the others: a hundred are in flight at once."""
    async with hello(delay_s=3600) as session:
        users = [asyncio.ensure_future(session.get("/")) for _ in range(100)]
        in_flight = ""
        while in_flight != "hello_requests_in_flight 100.0":
            async with session.get("/metrics") as response:
                in_flight = next(
                    line for line in (await response.text()).splitlines() if line.startswith("hello_requests_in")
                )
        for user in users:
            user.cancel()


@pytest.mark.anyio
async def test_connections_over_the_memory_pool_are_closed_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The metrics show how many there were."""
    monkeypatch.setattr(limited_protocol, "SPARE_CONNECTIONS", 0)
    app = make_app(HelloSettings(delay_s=0.0))
    app[POOL].limit = CONNECTION_BYTES
    async with serve_app(app, Address("127.0.0.1", 0), drain_s=0) as address, ClientSession(address.url) as session:
        async with session.get("/") as response:
            assert response.status == 200
        for _again in range(2):
            reader, writer = await asyncio.open_connection(*address)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
        async with session.get("/metrics") as response:
            assert "hello_turned_away_total 2.0" in await response.text()
