"""Hosts that come and go: what the gateway asks of the site that takes them, and when."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from services.gateway.proxy.decision import Forward, Tunnel, decide
from services.gateway.proxy.directory import ComposeDirectory, Handover
from services.gateway.proxy.messages.request import Refused, read_head
from services.gateway.proxy.played_hosts import MAX_ANSWER_BYTES, PlayedHosts
from services.runtime.http import Address
from services.runtime.serving.allowed_hosts import allowed_hosts
from services.sites.server import serve_site
from services.sites.settings import SitesSettings
from tests.gateway.proxy.gateways import gateway_of
from tests.sites.target import KEEP, sites

pytestmark = pytest.mark.anyio

LOOPBACK = Address("127.0.0.1", 0)
HELLO = Address("hello", 8000)
OK = b"HTTP/1.0 200 OK\r\n\r\n"
SERVICES = {"www.163.com": "netease", "own.test": "recorded"}


class RawSite:
    """An admin side that answers with given bytes, once `go_on` is set. `asked`: the requests; `open`: not answered."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.asked: list[bytes] = []
        self.came = asyncio.Event()
        self.go_on = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        answer = self.answer
        self.came.set()
        await self.go_on.wait()
        writer.write(answer)
        writer.close()


@asynccontextmanager
async def played(
    answer: bytes, *, timeout_s: float = 20, go_on: bool = True
) -> AsyncIterator[tuple[PlayedHosts, RawSite]]:
    """Serve an admin side, and yield what asks it."""
    site = RawSite(answer)
    if go_on:
        site.go_on.set()
    server = await asyncio.start_server(site.serve, *LOOPBACK)
    async with server:
        yield PlayedHosts("127.0.0.1", port=server.sockets[0].getsockname()[1], timeout_s=timeout_s), site
        site.go_on.set()


def listing(*names: object) -> bytes:
    """Return an answer with these hosts."""
    return OK + json.dumps({"hosts": names}).encode()


async def test_a_site_is_asked_what_it_plays(tmp_path: Path) -> None:
    """A real one, whose hosts are those that others do not play; with no recording it is ready all the same."""
    await anyio.Path(tmp_path, "left.test.http").write_bytes(KEEP)
    settings = SitesSettings(directory=tmp_path, where=LOOPBACK, tls=None, admin=LOOPBACK, without=("left.test",))
    async with serve_site(settings) as running:
        assert (running.site.trouble, dict(running.site.hosts)) == ("", {})
        hosts = PlayedHosts(*running.admin[:1], port=running.admin.port, timeout_s=20)
        await hosts.ask()
        assert hosts.names == frozenset()
    async with sites({"b.test.http": KEEP, "a.test.http": KEEP}, tmp_path / "two") as running:
        hosts = PlayedHosts(*running.admin[:1], port=running.admin.port, timeout_s=20)
        await hosts.ask()
        assert hosts.names == {"a.test", "b.test"}


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        pytest.param(listing("a.test", "b.test"), {"a.test", "b.test"}, id="hosts"),
        pytest.param(listing("a.test", "UPPER", "a b", 7, None, "x\r\ny"), {"a.test"}, id="what is no host name"),
        pytest.param(listing(), set(), id="no host"),
        pytest.param(OK + b'["a.test"]', set(), id="a list"),
        pytest.param(OK + b"{", set(), id="no JSON"),
        pytest.param(b"HTTP/1.0 503 Busy\r\n\r\n" + b'{"hosts": ["a.test"]}', set(), id="another status"),
        pytest.param(b"nonsense", set(), id="no HTTP"),
        pytest.param(b"", set(), id="nothing"),
        pytest.param(OK + b" " * MAX_ANSWER_BYTES + b'{"hosts": ["a.test"]}', set(), id="too long"),
    ],
)
async def test_what_is_no_list_of_hosts_is_no_host(answer: bytes, names: set[str]) -> None:
    """The gateway goes on; it has no host that it was not told of."""
    async with played(answer) as (hosts, site):
        hosts.names = frozenset({"before.test"})
        await hosts.ask()
        assert hosts.names == names
        assert site.asked[0].startswith(b"GET /hosts HTTP/1.0\r\nHost: 127.0.0.1:")


async def test_a_site_that_is_silent_or_gone_has_no_hosts_and_one_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its plays are gone with it. A client waits for the deadline and no longer."""
    async with played(listing("a.test"), timeout_s=1.0, go_on=False) as (hosts, site):
        for _ in range(2):
            await hosts.ask()
        assert (set(hosts.names), len(site.asked)) == (set(), 2)
    assert [each.getMessage() for each in caplog.records if "asked for its hosts" in each.getMessage()] == [
        "127.0.0.1 cannot be asked for its hosts: no answer within 1 s"
    ]
    await hosts.ask()
    assert hosts.names == set()


async def test_those_who_wait_share_the_next_answer() -> None:
    """One request at a time, however many ask; and none gets an answer from before it asked."""
    async with played(listing("a.test"), go_on=False) as (hosts, site), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(hosts.ask())
        await site.came.wait()
        site.answer = listing("b.test")
        others = [tasks.create_task(hosts.ask()) for _ in range(50)]
        await asyncio.sleep(0)
        site.go_on.set()
        await asyncio.gather(first, *others)
        assert (set(hosts.names), len(site.asked)) == ({"b.test"}, 2)


async def test_one_that_leaves_takes_no_answer_with_it() -> None:
    """The next one asks anew."""
    async with played(listing("a.test"), go_on=False) as (hosts, site), asyncio.TaskGroup() as tasks:
        leaves = tasks.create_task(hosts.ask())
        await site.came.wait()
        stays = tasks.create_task(hosts.ask())
        await asyncio.sleep(0)
        leaves.cancel()
        site.go_on.set()
        await stays
        assert (set(hosts.names), len(site.asked)) == ({"a.test"}, 2)


@pytest.mark.parametrize(
    ("head", "asked"),
    [
        (b"GET http://new.test/ HTTP/1.1\r\n\r\n", ("new.test", 80)),
        (b"CONNECT new.test:443 HTTP/1.1\r\n\r\n", ("new.test", 443)),
        (b"GET http://new.test:8081/faults HTTP/1.1\r\n\r\n", ("new.test", 8081)),
        (b"GET http://recorded:8081/plays HTTP/1.1\r\n\r\n", ("recorded", 8081)),
    ],
)
async def test_a_name_that_may_be_played_leads_to_the_one_site(head: bytes, asked: tuple[str, int]) -> None:
    """And nowhere else: whether it is there is asked before a connection is made."""
    async with played(listing("new.test")) as (hosts, _site):
        hosts.service = "recorded"
        directory = ComposeDirectory(SERVICES, HELLO, played=hosts)
        decision = decide(read_head(head), directory, allowed_hosts("gateway"), own_port=3128)
        assert isinstance(decision, Forward | Tunnel)
        assert (decision.asked, decision.route) == (asked, ("recorded", asked[1]))


@pytest.mark.parametrize(
    ("name", "is_there", "times"),
    [
        pytest.param("new.test", True, 1, id="played"),
        pytest.param("other.test", False, 1, id="not there"),
        pytest.param("www.163.com", True, 0, id="of the lab"),
        pytest.param("netease", True, 0, id="a service"),
        pytest.param("127.0.0.1", True, 0, id="the one that takes hosts"),
        pytest.param("hello", True, 0, id="hello"),
    ],
)
async def test_only_names_that_come_and_go_are_asked_for(name: str, *, is_there: bool, times: int) -> None:
    """The lab's own cost no request."""
    async with played(listing("new.test")) as (hosts, site):
        directory = ComposeDirectory(SERVICES, HELLO, played=hosts)
        assert (await directory.has(name), len(site.asked)) == (is_there, times)


async def test_a_played_host_takes_no_name_of_the_lab() -> None:
    """A service stays what it is; hosts of one site have one admin side."""
    async with played(listing("new.test", "netease", "hello", "www.163.com")) as (hosts, _site):
        directory = ComposeDirectory({**SERVICES, "own.test": "127.0.0.1"}, HELLO, played=hosts)
        await directory.look()
        assert {host: urls.admin for host, urls in directory.urls().items()} == {
            "www.163.com": "http://www.163.com:8081",
            "own.test": "http://127.0.0.1:8081",
            "new.test": "http://127.0.0.1:8081",
        }
        assert directory.names() == ["127.0.0.1", "hello", "netease", "new.test", "own.test", "www.163.com"]
        with pytest.raises(Refused, match=r"new\.test has no port 22 in this lab"):
            decide(read_head(b"CONNECT new.test:22 HTTP/1.1\r\n\r\n"), directory, allowed_hosts(), own_port=3128)


class Sent:
    """Sites that take every connection. `services`: those to which one was sent."""

    def __init__(self) -> None:
        self.services: list[str] = []

    def send(self, service: str, _connected: socket.socket, _handover: Handover) -> bool:
        """Take a connection."""
        self.services.append(service)
        return True


@pytest.mark.parametrize(("name", "service"), [("own.test", "recorded"), ("new.test", None), ("other.test", None)])
async def test_a_connection_to_a_host_that_comes_and_goes_is_not_handed_over(name: str, service: str | None) -> None:
    """Whether the host is there has to be asked first."""
    async with played(listing("new.test")) as (hosts, _site):
        sent = Sent()
        directory = ComposeDirectory(SERVICES, HELLO, sent, hosts)
        await directory.look()
        with socket.socket() as connected:
            assert directory.hand_over(connected, Handover(Address(name, 80), b"", b"")) is (service is not None)
        assert sent.services == [service] * (service is not None)


async def test_a_name_that_is_not_there_after_all_is_502_with_those_that_are() -> None:
    """No connection is made, and the connection before it is ended in order."""
    async with gateway_of("a.test", "b.test") as ends:
        ends.directory.gone.add("b.test")
        heard = await anyio.to_thread.run_sync(ends.ask, b"GET http://b.test/ HTTP/1.1\r\n\r\n")
        assert heard.end == "fin"
        assert heard.data.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert heard.data.endswith(b"\r\n\r\n'b.test' is not in this lab: it has a.test\n")
        assert ends.directory.announced == []
