"""Who may ask: this server's own page alone, with its token, in bounded bodies; and text of others is never mark-up."""

import json
from collections.abc import AsyncIterator

import pytest

from services.watch.protection import CONTENT_POLICY
from services.watch.responses import MAX_BODY_BYTES
from tests.watch.serving import lab_and_page, watched

pytestmark = pytest.mark.anyio
MEGABYTE = b"[" + b" " * 1024 * 1024 + b"]"
READING = (
    "/",
    "/static/x.js",
    "/healthz",
    "/readyz",
    "/api/state",
    "/api/events",
    "/api/runs/1/trace",
    "/api/runs/1/report",
    "/api/sites",
    "/api/sites/www.163.com",
    "/api/faults",
    "/api/services",
)
CHANGING = (
    ("POST", "/api/runs"),
    ("DELETE", "/api/runs/1"),
    ("PUT", "/api/sites/www.163.com/faults"),
    ("DELETE", "/api/sites/www.163.com/faults"),
)
EVERY = [*(("GET", path) for path in READING), *CHANGING]


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ({"Host": "evil.example"}, 421, "Host: 'evil.example' is not here"),
        ({"Host": "localhost.evil.example:8080"}, 421, "Host: "),
        ({"Origin": "http://evil.example"}, 403, "Origin: 'http://evil.example' may not ask here"),
        ({"Origin": "null"}, 403, "Origin: 'null' may not ask here"),
        ({"Origin": "http://localhost:1"}, 403, "Origin: only this server's own page may ask here"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "Sec-Fetch-Site: "),
    ],
    ids=["another host", "a host that begins well", "another site", "no site", "another port", "across sites"],
)
@pytest.mark.parametrize(("method", "path"), EVERY, ids=map(" ".join, EVERY))
async def test_a_page_of_another_site_gets_nothing(
    method: str, path: str, fields: dict[str, str], status: int, reason: str
) -> None:
    """By each way that it has, at each endpoint; with a token too."""
    async with watched() as page:
        found, refused = await page.ask(method, path, **fields)
        assert found == status
        assert refused["error"].startswith(reason)


@pytest.mark.parametrize("token", ["", "wrong", "\u00e9"], ids=["none", "wrong", "not ASCII"])
@pytest.mark.parametrize(("method", "path"), CHANGING, ids=map(" ".join, CHANGING))
async def test_what_changes_anything_needs_the_token(method: str, path: str, token: str) -> None:
    """The page has it, and no other page can read it."""
    async with watched() as page:
        status, refused = await page.ask(method, path, **{"X-Asynclab-Token": token})
        assert (status, refused["error"]) == (
            403,
            "X-Asynclab-Token: load the page again, it has the token of this start",
        )


async def test_the_token_is_another_one_at_each_start() -> None:
    async with watched() as first, watched() as second:
        assert first.token != second.token
        assert (await second.ask("DELETE", "/api/runs/1", **{"X-Asynclab-Token": first.token}))[0] == 403


@pytest.mark.parametrize(("method", "path"), EVERY, ids=map(" ".join, EVERY))
async def test_a_body_of_a_megabyte_is_refused_everywhere(method: str, path: str) -> None:
    """In one line."""
    async with watched() as page:
        status, refused = await page.ask(method, path, MEGABYTE)
        assert (status, refused) == (413, {"error": f"the body has more than {MAX_BODY_BYTES:,} bytes"})


async def test_a_body_without_a_length_is_bounded_too() -> None:
    """It is read no further than the bound."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 10_000

    async with watched() as page:
        headers = {"X-Asynclab-Token": page.token}
        async with page.session.post(f"{page.url}/api/runs", data=pieces(), headers=headers) as response:
            assert (response.status, await response.json()) == (
                413,
                {"error": f"the body has more than {MAX_BODY_BYTES:,} bytes"},
            )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is not JSON: "),
        (b"{", "the body is not JSON: "),
        (b"\xff", "the body is not JSON: "),
        (b"[" * 60_000, "the body is not JSON: "),
        (b'{"a": 1, "a": 2}', "the body is not JSON: 'a' is there twice in one object"),
        (b"[]", "the body is not a JSON object"),
        (b"{}", "program: give one of compare, wget, hello, pipeline"),
        (b'{"program": "rm"}', "program: give one of "),
        (b'{"program": ["wget"]}', "program: give one of "),
        (b'{"program": "wget", "shell": "sh"}', "a run has no 'shell': it has program and options"),
    ],
    ids=["nothing", "half", "no text", "depth", "twice", "a list", "empty", "no program", "a list of one", "more"],
)
async def test_a_run_that_cannot_be_understood_is_refused(body: bytes, reason: str) -> None:
    async with watched() as page:
        status, refused = await page.ask("POST", "/api/runs", body)
        assert status == 400
        assert refused["error"].startswith(reason)
        assert "\n" not in refused["error"]


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/nowhere", 404, "there is nothing at /nowhere"),
        ("GET", "/static/../settings.py", 404, "there is nothing at /settings.py"),
        ("GET", "/static/%2e%2e/settings.py", 404, ""),
        ("GET", "/static/..%2Fsettings.py", 404, ""),
        ("GET", "/static/index.html", 404, "the page is at /"),
        ("GET", "/api/runs/1/trace", 404, "there is no run 1: only the last 20 are kept"),
        ("DELETE", "/api/runs/x", 404, "there is no run x"),
        ("PUT", "/api/state", 405, "/api/state takes GET, HEAD alone"),
    ],
)
async def test_what_is_not_there_is_one_line(method: str, path: str, status: int, reason: str) -> None:
    async with watched() as page:
        found, refused = await page.ask(method, path)
        assert found == status
        assert refused["error"].startswith(reason)


@pytest.mark.parametrize("path", ["/", "/api/state", "/nowhere"])
async def test_every_answer_has_the_fields_that_protect_a_page(path: str) -> None:
    """No script of any other place, and none in the page itself."""
    async with watched() as page, page.session.get(f"{page.url}{path}") as response:
        assert response.headers["Content-Security-Policy"] == CONTENT_POLICY
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_what_clients_write_is_sent_as_json_alone() -> None:
    """Nothing of a trace, a host or a field is ever in a page of HTML; no line of a trace can end an event."""
    async with watched(behaviour="hostile") as page, page.events() as events:
        traced, _ = await events.end_of((await page.run("hello"))["id"])
        assert traced[1]["args"]["text"] == "</script><script>alert(1)</script>\u2028\n\x1b[2J"
        assert "alert(1)" not in await page.load()


async def test_hostile_fields_of_a_request_reach_a_page_as_text() -> None:
    """The journal has what clients sent; a page gets it as JSON."""
    field = "<img src=x onerror=alert(1)>"
    async with lab_and_page() as (lab, page), page.events() as events:
        await events.until("state")
        await page.ask("GET", "/api/sites")
        address = lab.directory.urls()["www.163.com"].http
        async with page.session.get(address, headers={"Host": "www.163.com", "X-A": field}, allow_redirects=False):
            pass
        told = await events.until("journal")
        assert field in told.data["entries"][0]["request_head"]
        assert field in json.dumps((await page.ask("GET", "/api/sites/www.163.com"))[1]["journal"])
        assert field not in await page.load()
