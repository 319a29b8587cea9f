"""`client hello`: many users at once."""

import asyncio

import pytest
from aiohttp import web

from services.client.hello import Options, TooManyUsers, ask_all, main
from services.client.settings import ClientSettings
from services.hello.app import make_app
from services.hello.settings import HelloSettings
from services.runtime.http import Address
from services.runtime.run import Stop
from services.runtime.serving.serve import serve_app
from tests.client.peers import sends, serving

LOOPBACK = Address("127.0.0.1", 0)


@pytest.mark.anyio
async def test_everyone_is_answered_and_the_figures_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Users, answers, wall time, percentiles; and what one after another would take, which is said to be reckoned."""
    async with serve_app(make_app(HelloSettings(delay_s=0.01)), LOOPBACK) as address:
        assert await ask_all(Options(users=200, timeout_s=10), ClientSettings(hello_url=address.url)) == 0
    names = [line[:30].strip() for line in capsys.readouterr().out.splitlines()]
    assert names == [
        "users", "answered", "wall time", "median", "99th percentile", "one user alone", "one after another (reckoned)",
    ]  # fmt: skip


@pytest.mark.anyio
async def test_users_without_an_answer_are_counted_by_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1: some were answered."""
    answered = 0

    async def flaky(request: web.Request) -> web.Response:
        nonlocal answered
        answered += 1
        if answered > 5:
            raise web.HTTPServiceUnavailable
        return web.Response(text=f"<h1>hello, {request.match_info['name']}!</h1>")

    app = web.Application()
    app.add_routes([web.get("/hello/{name}", flaky)])
    async with serve_app(app, LOOPBACK) as address:
        assert await ask_all(Options(users=10, timeout_s=10), ClientSettings(hello_url=address.url)) == 1
    out, err = capsys.readouterr()
    assert "answered                                 4\n" in out
    assert err == "hello: 6 users got no answer: an answer with status 503 that is not a greeting\n"


@pytest.mark.anyio
async def test_a_server_that_is_not_there_is_one_line_and_exit_4(capsys: pytest.CaptureFixture[str]) -> None:
    """No figures are printed."""
    async with serve_app(web.Application(), LOOPBACK) as gone:
        pass
    assert await ask_all(Options(users=10, timeout_s=10), ClientSettings(hello_url=gone.url)) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"hello {gone.url}: refused: ")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe", "an answer with status 200 that is not a greeting"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "an answer with status 302 that is not a"),
        (b"<html>\r\n\r\n", "closed: "),
        (b"", "closed: "),
    ],
    ids=["not UTF-8", "a redirect", "not HTTP", "nothing"],
)
async def test_a_server_that_is_not_hello_is_one_line_and_exit_4(
    answer: bytes, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With any answer, also a redirect."""
    async with serving(other=sends(answer)) as topology:
        host, port = topology.routes["other", 80]
        assert await ask_all(Options(users=2, timeout_s=10), ClientSettings(hello_url=f"http://{host}:{port}")) == 4
    err = capsys.readouterr().err
    assert err.startswith(f"hello http://{host}:{port}: {why}")
    assert err.count("\n") == 1


@pytest.mark.anyio
async def test_more_users_than_files_are_refused_before_any_request() -> None:
    """The line names the limit, and how many would fit."""
    with pytest.raises(TooManyUsers, match=r"limit of [\d,]+ \(ulimit -Hn\): ask for [\d,]+ users at most"):
        await main(Options(users=10**9, timeout_s=1), ClientSettings(), Stop())


@pytest.mark.anyio
async def test_a_limit_without_room_for_one_user_is_to_be_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice is never to ask for fewer than one."""
    monkeypatch.setattr("services.client.hello.raise_open_files", lambda: 40)
    with pytest.raises(TooManyUsers, match=r"limit of 40 \(ulimit -Hn\): raise it$"):
        await main(Options(users=1, timeout_s=1), ClientSettings(), Stop())


@pytest.mark.anyio
async def test_a_page_without_an_end_is_not_hellos(capsys: pytest.CaptureFixture[str]) -> None:
    """It is read no further than hello's page can be long, for each of the users."""
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n<h1>hello, ")
        while not writer.is_closing():
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with serving(other=endless) as topology:
        host, port = topology.routes["other", 80]
        assert await ask_all(Options(users=2, timeout_s=10), ClientSettings(hello_url=f"http://{host}:{port}")) == 4
    assert "an answer with status 200 that is not a greeting" in capsys.readouterr().err
    assert sent < 100_000_000
