"""The admin side: a plan changes completely or not at all, and metrics count its faults."""

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import anyio.to_thread
import pytest
from aiohttp import web

from services.sites.admin import faults
from services.sites.admin.app import make_admin
from services.sites.admin.responses import read_json
from services.sites.settings import SitesSettings
from services.sites.site import Site
from tests.sites.peer import Heard
from tests.sites.target import KEEP, Target, one_site, sites, target_of

pytestmark = pytest.mark.anyio

STATUS = {"fault": "status", "status": 503}
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


async def first_bytes(target: Target) -> bytes:
    """Return the first line that a new connection gets."""
    heard = await anyio.to_thread.run_sync(lambda: target.peer.ask(most=12))
    return heard.data


async def test_a_plan_is_set_shown_cleared_and_reset(tmp_path: Path) -> None:
    """It applies to every connection that is accepted after the answer."""
    sidecar = b"[[faults]]\nfault = 'status'\nstatus = 500\n"
    async with one_site(tmp_path, sidecar=sidecar) as target:
        path = f"/faults/{target.host}"
        assert await first_bytes(target) == b"HTTP/1.1 500"
        steps = [
            ("PUT", path, {"faults": [STATUS]}, b"HTTP/1.1 503", "admin"),
            ("DELETE", path, None, b"HTTP/1.1 200", "admin"),
            ("POST", f"{path}/reset", None, b"HTTP/1.1 500", "sidecar"),
            ("DELETE", "/faults", None, b"HTTP/1.1 200", "admin"),
            ("PUT", "/faults", {"faults": [STATUS]}, b"HTTP/1.1 503", "admin"),
            ("POST", "/faults/reset", None, b"HTTP/1.1 500", "sidecar"),
        ]
        for generation, (method, where, body, expected, source) in enumerate(steps, 2):
            status, answer = await target.call(method, where, body)
            assert status == 200, answer
            plan = await target.call("GET", path)
            assert (plan[1]["generation"], plan[1]["source"]) == (generation, source)
            assert await first_bytes(target) == expected
        entries = await target.ended()
    assert [entry["generation"] for entry in entries] == [1, 2, None, 4, None, 6, 7]


async def test_a_new_plan_reaches_a_connection_that_is_open(tmp_path: Path) -> None:
    """At its next request, known or not."""
    async with one_site(tmp_path) as target:
        from tests.sites.peer import listen

        def ask() -> bytes:
            with target.peer.connect() as connection:
                for _ in range(3):
                    connection.sendall(target.peer.get())
                    assert listen(connection, len(KEEP)).data == KEEP
                anyio.from_thread.run(target.set_plan, [STATUS])
                connection.sendall(target.peer.get())
                return listen(connection, len(UNAVAILABLE)).data

        assert await anyio.to_thread.run_sync(ask) == UNAVAILABLE


REFUSALS: dict[str, tuple[str, str, object, int, str]] = {
    "a bad plan": ("PUT", "/faults/keep.test", {"faults": [{"fault": "typo"}]}, 422, "faults[0].fault"),
    "an offset beyond the head": (
        "PUT",
        "/faults/keep.test",
        {"faults": [{"fault": "fin_at", "bytes": 9999}]},
        422,
        "faults[0].bytes",
    ),
    "a plan for all that fits one of them": (
        "PUT",
        "/faults",
        {"faults": [STATUS, {"fault": "fin_at", "bytes": 9999}]},
        422,
        "faults[1].bytes",
    ),
    "no plan": ("PUT", "/faults/keep.test", {"fault": "drip"}, 422, "body"),
    "a list": ("PUT", "/faults/keep.test", [STATUS], 422, "body"),
    "an unknown host": ("PUT", "/faults/other.test", {"faults": []}, 404, "host"),
    "an unknown route": ("GET", "/fault", None, 404, "request"),
    "a method that is not there": ("POST", "/faults", None, 405, "request"),
}


async def test_a_bad_request_is_refused_field_by_field_and_changes_nothing(tmp_path: Path) -> None:
    """The old plan stays, its generation too."""
    async with one_site(tmp_path) as target:
        await target.set_plan([STATUS])
        before = await target.call("GET", "/faults")
        for name, (method, path, body, expected, field) in REFUSALS.items():
            status, answer = await target.call(method, path, body)
            assert status == expected, name
            assert [problem["field"] for problem in answer["problems"]] == [field], name  # type: ignore[attr-defined]
        assert await target.call("GET", "/faults") == before
        assert await first_bytes(target) == b"HTTP/1.1 503"


@pytest.mark.parametrize("suffix", ["", "/temporary?for_s=5"])
@pytest.mark.parametrize("comes_back", [False, True])
async def test_a_host_that_is_removed_while_the_body_comes(
    tmp_path: Path, suffix: str, comes_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is unknown; if it has come back, it is another host, and gets the plan."""
    body, reading, go_on = json.dumps({"faults": [STATUS]}).encode(), anyio.Event(), anyio.Event()

    async def halting() -> AsyncIterator[bytes]:
        yield body[:5]
        await go_on.wait()
        yield body[5:]

    async def read(request: web.Request) -> object:
        reading.set()
        return await read_json(request)

    monkeypatch.setattr(faults, "read_json", read)

    async with sites({"a.test.http": KEEP, "b.test.http": KEEP}, tmp_path, reload_s=3600.0) as running:
        target, site = await target_of(running, "a.test"), running.site
        both = {name: host.recording for name, host in site.hosts.items()}

        async def change() -> None:
            await reading.wait()
            site.adopt({"a.test": both["a.test"]})
            if comes_back:
                site.adopt(both)
            go_on.set()

        async with aiohttp.ClientSession() as session, anyio.create_task_group() as tasks:
            tasks.start_soon(change)
            async with session.put(f"{target.admin}/faults/b.test{suffix}", data=halting()) as answer:
                status, said = answer.status, await answer.json()
        if comes_back:
            assert status == 200, said
            assert said["generation"] == site.hosts["b.test"].latest.generation
            assert len(said["faults"]) == 1
        else:
            assert (status, said["error"]) == (404, "unknown_host")


async def test_too_large_a_body_is_refused(tmp_path: Path) -> None:
    """A mebibyte has room for more than a hundred rules."""
    async with (
        one_site(tmp_path) as target,
        aiohttp.ClientSession() as session,
        session.put(f"{target.admin}/faults/{target.host}", data=io.BytesIO(bytes(1_100_000))) as answer,
    ):
        assert answer.status == 413


NOT_JSON = [
    b"",
    b"{",
    b"\xff",
    b"[" * 100_000,
    b'{"faults": [' + b"9" * 5000 + b"]}",
    b'{"faults": [], "faults": []}',
    b'{"faults": [{"fault": "status", "status": 500, "status": 503}]}',
]


@pytest.mark.parametrize("body", NOT_JSON, ids=lambda body: repr(body[:12]))
async def test_what_is_not_json_is_refused(tmp_path: Path, body: bytes) -> None:
    """Of any depth, with any numbers; a name that is there twice has no clear value."""
    async with (
        one_site(tmp_path) as target,
        aiohttp.ClientSession() as session,
        session.put(f"{target.admin}/faults/{target.host}", data=body) as answer,
    ):
        assert (answer.status, (await answer.json())["error"]) == (400, "not_json")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_body_with_a_coding_is_refused_whether_it_is_in_it_or_not(tmp_path: Path, coding: str) -> None:
    """RFC 9110, section 15.5.16: no request needs one here."""
    async with (
        one_site(tmp_path) as target,
        aiohttp.ClientSession() as session,
        session.put(
            f"{target.admin}/faults/{target.host}", data=b'{"faults": []}', headers={"Content-Encoding": coding}
        ) as answer,
    ):
        assert (answer.status, answer.headers["Accept-Encoding"]) == (415, "identity")


async def test_a_method_that_is_not_there_says_which_are(tmp_path: Path) -> None:
    """RFC 9110, section 15.5.6."""
    async with (
        one_site(tmp_path) as target,
        aiohttp.ClientSession() as session,
        session.post(f"{target.admin}/faults") as answer,
    ):
        assert (answer.status, answer.headers["Allow"]) == (405, "DELETE,GET,HEAD,PUT")


async def test_probability_0_gives_no_fault_on_the_wire(tmp_path: Path) -> None:
    """A plan that never applies changes no byte."""
    async with one_site(tmp_path) as target:
        await target.set_plan([{**STATUS, "probability": 0}])
        requests = target.peer.get() * 10_000 + target.peer.get(fields="Connection: close\r\n")
        heard = await anyio.to_thread.run_sync(target.peer.ask, requests)
        assert heard == Heard(KEEP * 10_001, "fin")
        _status, plan = await target.call("GET", f"/faults/{target.host}")
        assert (plan["faults"][0]["seen"], plan["faults"][0]["fired"]) == (10_001, 0)  # type: ignore[index]


async def test_the_same_seed_gives_the_same_faults_on_the_wire(tmp_path: Path) -> None:
    """Setting a plan again begins its sequence again."""
    async with one_site(tmp_path) as target:
        requests = target.peer.get() * 200 + target.peer.get(fields="Connection: close\r\n")
        runs = []
        for _again in range(2):
            await target.set_plan([{**STATUS, "probability": 0.3, "seed": 11}])
            heard = await anyio.to_thread.run_sync(target.peer.ask, requests)
            runs.append(heard.data)
        assert runs[0] == runs[1]
        assert UNAVAILABLE in runs[0]
        assert KEEP in runs[0]


async def test_hosts_that_share_a_port_cannot_be_refused_apart(tmp_path: Path) -> None:
    """The reason is in the refusal, and the port stays open."""
    settings = SitesSettings(directory=tmp_path)
    site = Site(settings)
    async with sites({"a.test.http": KEEP, "b.test.http": KEEP}, tmp_path) as running:
        site.adopt({host.name: host.recording for host in running.site.hosts.values()})

        async def settle() -> None:
            raise AssertionError("nothing has changed")

        from services.runtime.http import Address
        from services.runtime.serving.serve import serve_app

        async with serve_app(make_admin(site, settle), Address("127.0.0.1", 0)) as admin:
            target = Target(
                (await target_of(running, "a.test")).peer, admin.url, running.site.hosts["a.test"].recording
            )
            for fault in ("refuse", "accept_then_silent", "accept_then_close"):
                status, answer = await target.call("PUT", "/faults/a.test", {"faults": [{"fault": fault}]})
                assert status == 422
                assert "shares its port with others" in str(answer["problems"])


async def test_metrics_count_by_host_fault_and_outcome(tmp_path: Path) -> None:
    """Also by how late pauses were."""
    async with one_site(tmp_path) as target:
        await first_bytes(target)
        await target.set_plan([{"fault": "delay", "seconds": 0.01, "first": 1}])
        await first_bytes(target)
        await first_bytes(target)
        await target.ended()
        async with aiohttp.ClientSession() as session, session.get(f"{target.admin}/metrics") as answer:
            lines = (await answer.text()).splitlines()
    assert 'site_requests_total{fault="",host="keep.test",outcome="kept"} 2.0' in lines
    assert 'site_requests_total{fault="delay",host="keep.test",outcome="kept"} 1.0' in lines
    assert "site_pause_lateness_seconds_count 1.0" in lines
    assert 'site_journal_entries_total{fate="kept"} 3.0' in lines
    assert 'site_plan_generation{host="keep.test"} 2.0' in lines
    assert "site_connections_total 3.0" in lines
    assert "site_ready 1.0" in lines
