"""The floods of changes check each answer of a site: a real site passes, and a wrong answer is reported."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest
from aiohttp import web

from lab.bench.chaos.clients import changes
from lab.bench.chaos.clients.attack import Order, Report
from lab.bench.chaos.clients.changes import ATTACKS, Changes
from services.runtime.http import Address
from services.runtime.serving.serve import serve_app
from tests.sites.target import KEEP, sites

LOOPBACK = Address("127.0.0.1", 0)
ENOUGH = 20

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def site(monkeypatch: pytest.MonkeyPatch, directory: Path) -> AsyncIterator[Order]:
    """Run a site, and give an order whose host it is."""
    async with sites({"a.test.http": KEEP}, directory) as running:
        monkeypatch.setattr(changes, "HTTP_PORT", running.listeners.of("a.test")[0].port)
        yield Order("", "127.0.0.1", running.admin.port, count=2, name="a.test")


@pytest.mark.parametrize(("name", "counted"), [("faults", "changes"), ("refuse", "changes"), ("verify", "answered")])
async def test_a_site_holds_what_it_promises(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, counted: str
) -> None:
    """Nothing is torn, nothing is late; and in the end the plan is cleared."""
    async with site(monkeypatch, tmp_path) as order:
        report = Report()
        attacking = asyncio.ensure_future(ATTACKS[name](order, report))
        async with asyncio.timeout(30):
            while report.counts[counted] < ENOUGH and not attacking.done():  # noqa: ASYNC110 - a count has no event
                await asyncio.sleep(0.01)
        attacking.cancel()
        with suppress(asyncio.CancelledError):
            await attacking
        assert report.failures == {}
        assert report.counts[counted] >= ENOUGH
        with closing(changes.Admin(order)) as admin:
            _, plan = await admin.ask("GET", "/faults/a.test")
        assert plan["faults"] == []


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, {"generation": 1, "faults": []}),
        (200, {"generation": 0, "faults": [{"fault": "status"}]}),
        (200, {}),
        (422, {"error": "bad_plan"}),
    ],
    ids=["another plan", "an old generation", "no plan", "refused"],
)
async def test_an_answer_that_does_not_match_its_request_is_reported(status: int, answer: dict[str, object]) -> None:
    """For example a change that is confirmed and not made."""

    async def lie(_request: web.Request) -> web.Response:
        return web.json_response(answer, status=status)

    app = web.Application()
    app.router.add_put("/faults/a.test", lie)
    async with serve_app(app, LOOPBACK, drain_s=0) as at:
        report = Report()
        made = Changes(Order("", at.host, at.port, name="a.test"), report)
        with closing(made.admin):
            await made.put([{"fault": "status", "status": 501}])
    assert report.failures == {"change": 1}


async def test_a_change_that_is_not_answered_confirms_nothing() -> None:
    """A service that was killed may have any plan afterwards."""
    report = Report()
    made = Changes(Order("", "127.0.0.1", 1, name="a.test"), report)
    made.confirmed = made.generation = 7
    assert not await made.put([])
    assert (made.confirmed, made.generation) == (0, 0)
    assert report.failures == {}


@pytest.mark.parametrize(
    ("found", "exact"),
    [
        ({"total": 3, "kept": 1, "dropped": 2}, True),
        ({"total": 3, "kept": 1, "dropped": 1}, False),
        ({"total": 3, "kept": 3}, False),
        ({}, False),
    ],
)
def test_a_journal_adds_up_or_does_not(found: dict[str, object], exact: bool) -> None:
    """A missing number is not zero."""
    assert changes.adds_up(found) is exact
