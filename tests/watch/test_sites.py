"""Sites on the page: heads, faults and journals of the lab; and a lab that goes and comes back."""

import asyncio
import re
from typing import Any

import aiohttp
import pytest

from lab.serving.serve import standing_lab
from services.hello.settings import HelloSettings
from services.sites.settings import SitesSettings
from services.watch.lab.client import Answer
from services.watch.lab.handlers import problems_in
from tests.watch.serving import Event, browser, lab_and_page, watched

pytestmark = pytest.mark.anyio
RESET = {"faults": [{"fault": "rst_at", "bytes": 40}]}
HOST = "/api/sites/www.163.com"


async def test_a_host_is_shown_with_its_head_its_faults_and_its_journal() -> None:
    async with lab_and_page() as (lab, page):
        url = lab.directory.urls()["www.163.com"].http
        async with aiohttp.ClientSession() as client, client.get(f"{url}/x", allow_redirects=False):
            pass
        status, shown = await page.ask("GET", HOST)
        assert (status, shown["host"], shown["status"]) == (200, "www.163.com", 302)
        assert shown["head"].startswith("HTTP/1.0 302 Moved Temporarily\r\n")
        assert shown["plan"]["faults"] == []
        assert [each["target"] for each in shown["journal"]] == ["/x"]


async def test_a_fault_is_set_and_cleared_and_every_page_sees_it() -> None:
    """The plan is the site's own; another browser is told."""
    async with lab_and_page() as (_lab, page), browser(page.url) as other, other.events() as events:
        await events.until("state")
        status, plan = await page.ask("PUT", f"{HOST}/faults", RESET)
        assert (status, plan["faults"][0]["fault"]) == (200, "rst_at")
        while not (faults := plan_in(await events.until("sites"))):
            pass
        assert faults[0]["bytes"] == 40
        assert (await page.ask("DELETE", f"{HOST}/faults"))[0] == 200
        while plan_in(await events.until("sites")):
            pass


def plan_in(event: Event) -> list[dict[str, Any]]:
    """Return the faults of www.163.com in an event `sites`."""
    [site] = [each for each in event.data["sites"] if each["host"] == "www.163.com"]
    faults: list[dict[str, Any]] = site["plan"]["faults"]
    return faults


@pytest.mark.parametrize(
    ("plan", "status", "reason"),
    [
        ({"faults": [{"fault": "rst_at", "bytes": -1}]}, 422, "faults[0].bytes: '-1' is not a whole number"),
        ({"faults": [{"fault": "rst_at"}]}, 422, "faults[0].bytes: "),
        ({"faults": [{"fault": "typo"}]}, 422, "faults[0].fault: "),
        ({"faults": 1}, 422, "faults: "),
        ({}, 422, "body: "),
        ([], 400, "the body is not a JSON object"),
    ],
    ids=["out of bounds", "without what it needs", "unknown", "no list", "empty", "a list"],
)
async def test_the_bounds_of_faults_are_those_of_the_api(plan: object, status: int, reason: str) -> None:
    """The site refuses, and its reason is what the page shows."""
    async with lab_and_page() as (_lab, page):
        found, refused = await page.ask("PUT", f"{HOST}/faults", plan)
        assert found == status
        assert refused["error"].startswith(reason), refused


async def test_each_kind_of_fault_has_its_bounds_and_its_bytes() -> None:
    async with lab_and_page() as (_lab, page):
        _, kinds = await page.ask("GET", "/api/faults")
        [reset] = [each for each in kinds["faults"] if each["fault"] == "rst_at"]
        assert reset["bytes"] == "HEAD[:bytes], acknowledged by the peer's system, RST"
        assert reset["parameters"][0]["most"] == 262_144


@pytest.mark.parametrize(
    "host",
    ["example.org", "127.0.0.1", "localhost", "hello", "%3Cscript%3E", "www.163.com%2F..", "x" * 300],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_host_that_the_lab_has_not_is_asked_nothing(method: str, host: str) -> None:
    """Whatever the path names."""
    async with lab_and_page() as (_lab, page):
        path = f"/api/sites/{host}" if method == "GET" else f"/api/sites/{host}/faults"
        status, refused = await page.ask(method, path, {"faults": []} if method == "PUT" else None)
        assert status == 404
        assert re.match("the lab has no host|there is nothing at", refused["error"])


async def test_the_journal_comes_as_it_grows() -> None:
    """What was there before a page looked on is asked for, and not told."""
    async with lab_and_page() as (lab, page), aiohttp.ClientSession() as client:
        url = lab.directory.urls()["www.sohu.com"].http
        async with client.get(f"{url}/before"):
            pass
        async with page.events() as events:
            await page.ask("GET", "/api/sites")
            async with client.get(f"{url}/after"):
                pass
            told = (await events.until("journal")).data
        assert ([each["target"] for each in told["entries"]], told["missed"]) == (["/after"], 0)


async def test_a_lab_that_goes_is_said_to_be_gone_and_comes_back_by_itself() -> None:
    """The page stands meanwhile, refuses in one line, and shows what was known."""
    hello, sites = HelloSettings(delay_s=0), SitesSettings()
    async with standing_lab(hello, sites) as lab:
        port, url = lab.gateway.port, lab.gateway.url
    async with watched(url) as page, page.events() as events:
        assert not (await events.until("lab")).data["healthy"]
        status, refused = await page.ask("GET", HOST)
        assert status == 503
        assert refused["error"].startswith("the lab does not answer: http://127.0.0.1:")
        for _ in range(2):
            async with standing_lab(hello, sites, port=port):
                assert (await events.until("lab")).data == {"healthy": True, "trouble": ""}
                assert (await page.ask("GET", HOST))[0] == 200
            gone = await events.until("lab", healthy=False)
            assert gone.data["trouble"].startswith(url)
        state = (await page.ask("GET", "/api/state"))[1]
        assert [each["host"] for each in state["lab"]["sites"]] == ["www.163.com", "www.sina.com.cn", "www.sohu.com"]


@pytest.mark.parametrize(
    "answer",
    [b"", b"{}", b"[1]", b'{"v": 2, "sites": {}}', b'{"v": 1, "sites": []}', b"\xff", b"[" * 100_000],
    ids=["nothing", "empty", "a list", "another version", "no sites", "no text", "depth"],
)
async def test_what_is_no_lab_is_a_lab_that_does_not_answer(answer: bytes) -> None:
    """Another program may listen there."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, watched(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as page:
        _, state = await page.ask("GET", "/api/state")
        assert not state["lab"]["healthy"]
        assert state["lab"]["trouble"].startswith("what answers in the place of the lab")


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b'{"problems": [{"field": "a", "reason": "b"}, {"field": "c", "reason": "d"}]}', "a: b; c: d"),
        (b"{", "the site refuses it, with status 422"),
        (b'{"problems": 1}', "the site refuses it, with status 422"),
    ],
    ids=["problems", "no JSON", "no list"],
)
async def test_a_refusal_of_a_site_is_one_line(body: bytes, line: str) -> None:
    assert problems_in(Answer(422, body)) == line


async def test_a_site_that_does_not_answer_is_trouble_of_its_own() -> None:
    """The gateway answers, and names a host that nothing is behind: the others are shown."""
    page_of_the_lab = b'{"v": 1, "hello": "http://127.0.0.1:9", "sites": {"a.test": {}, "b.test": {}}}'
    plans = b'{"hosts": [{"host": "b.test", "generation": 0, "source": "sidecar", "faults": []}]}'

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        status, body, more = b"200 OK", plans, b""
        if head.startswith(b"GET /lab "):
            body = page_of_the_lab
        elif b"a.test" in head.splitlines()[0]:
            status, body, more = b"502 Bad Gateway", b"a.test refused\n", b"X-Asynclab: gateway\r\n"
        fields = b"HTTP/1.1 %b\r\nConnection: close\r\n%bContent-Length: %d\r\n\r\n" % (status, more, len(body))
        writer.write(fields + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, watched(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as page:
        _, shown = await page.ask("GET", "/api/sites")
        assert shown["healthy"]
        assert {each["host"]: each["trouble"] for each in shown["sites"]} == {
            "a.test": "the lab's gateway says: a.test refused",
            "b.test": "",
        }
        _, said = await page.ask("GET", "/api/services")
        assert {each["name"] for each in said["services"] if not each["healthy"]} >= {"a.test"}
