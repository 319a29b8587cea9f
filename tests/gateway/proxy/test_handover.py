"""Connections that a site serves itself: which they are, and that no client can tell them from a site's own."""

import contextlib
import dataclasses
import errno
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from lab.embedded.gateway import EmbeddedDirectory, gateway_share
from services.gateway.proxy.decision import decide
from services.gateway.proxy.directory import ComposeDirectory, Handover
from services.gateway.proxy.handover.choice import handover_of
from services.gateway.proxy.messages.request import HEAD_END, read_head
from services.gateway.proxy.relay.connection import ClientConnection
from services.gateway.proxy.server import proxy_served
from services.gateway.proxy.settings import ProxySettings
from services.gateway.proxy.shared import Shared
from services.runtime.http import Address
from services.runtime.serving.allowed_hosts import allowed_hosts
from services.sites.site import Site
from tests.gateway.proxy.gateways import CONNECTED, LOOPBACK, ProxiedPeer, Way
from tests.sites.fault_table import CASES, Case
from tests.sites.peer import Heard, listen
from tests.sites.target import KEEP, Target, sites, target_of

pytestmark = pytest.mark.anyio

ALL = 1 << 62
SITE = Address("www.163.com", 80)
CLOSE = "Connection: close\r\n"
DIRECTORY = ComposeDirectory({SITE.host: "netease"}, Address("hello", 8000))


def request(fields: str = "", *, line: str = "GET http://www.163.com/a HTTP/1.1", rest: bytes = b"") -> bytes:
    """Return a request in absolute-form."""
    return f"{line}\r\nHost: www.163.com\r\n{fields}\r\n".encode() + rest


def in_origin_form(raw: bytes) -> bytes:
    """Return what the site reads of it."""
    return raw.replace(b"http://www.163.com/", b"/", 1)


LAST = {
    "close": request(CLOSE),
    "close among others": request("Connection: TE , Close\r\n"),
    "HTTP/1.0": request(line="GET http://www.163.com/a HTTP/1.0"),
    "a body that has come": request(f"{CLOSE}Content-Length: 3\r\n", rest=b"abc"),
    "a body of which a part has come": request(f"{CLOSE}Content-Length: 9\r\n", rest=b"abc"),
}
NOT_LAST = {
    "kept alive": request(),
    "HTTP/1.0, kept alive": request("Connection: keep-alive\r\n", line="GET http://www.163.com/a HTTP/1.0"),
    "two fields": request(f"{CLOSE}Connection: keep-alive\r\n"),
    "another request after it": request(CLOSE, rest=request()),
    "more than its body": request(f"{CLOSE}Content-Length: 2\r\n", rest=b"abc"),
    "chunks": request(f"{CLOSE}Transfer-Encoding: chunked\r\n"),
    "a page of the gateway's": b"GET /lab HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
}


def decided(raw: bytes) -> Handover | None:
    """Return what a site gets."""
    begin, end, rest = raw.partition(HEAD_END)
    head = read_head(begin + end)
    return handover_of(decide(head, DIRECTORY, allowed_hosts(), own_port=3128), head, rest)


@pytest.mark.parametrize("raw", LAST.values(), ids=LAST)
def test_a_last_request_is_for_its_site_alone(raw: bytes) -> None:
    """In origin-form, with what came of its body."""
    assert decided(raw) == Handover(SITE, b"", in_origin_form(raw))


@pytest.mark.parametrize("raw", NOT_LAST.values(), ids=NOT_LAST)
def test_what_may_go_on_with_another_host_is_relayed(raw: bytes) -> None:
    """So is what the gateway answers, and a body whose end it looks for."""
    assert decided(raw) is None


def test_a_tunnel_is_for_its_site_alone() -> None:
    """The client hears that it is there before anything else."""
    raw = b"CONNECT www.163.com:443 HTTP/1.1\r\n\r\n\x16\x03"
    assert decided(raw) == Handover(Address("www.163.com", 443), CONNECTED, b"\x16\x03")


@dataclasses.dataclass(frozen=True, slots=True)
class Lab:
    """A site and the gateway in its process."""

    target: Target
    proxy: Shared
    site: Site

    def peer(self, way: Way = "absolute") -> ProxiedPeer:
        """Return a client."""
        return ProxiedPeer(self.proxy.address, self.target.host, None, way)

    async def ask(self, raw: bytes) -> Heard:
        """Return what a client hears that sends these bytes."""
        return await anyio.to_thread.run_sync(self.peer().ask, raw)


@asynccontextmanager
async def lab(directory: Path, *, most: int = 1_000, **changes: object) -> AsyncIterator[Lab]:
    """Run keep.test, for so many connections at most, with a gateway in one process."""
    settings = dataclasses.replace(ProxySettings(LOOPBACK, drain_s=0), **changes)  # type: ignore[arg-type]
    async with (
        sites({"keep.test.http": KEEP}, directory, max_connections=most) as running,
        proxy_served(settings, EmbeddedDirectory(running, LOOPBACK)) as proxy,
    ):
        yield Lab(await target_of(running, "keep.test"), proxy, running.site)


LAST_CASES = {name: case for name, case in CASES.items() if case.end not in ("kept", "silence")}


@pytest.mark.parametrize("case", LAST_CASES.values(), ids=LAST_CASES)
async def test_a_fault_is_what_it_is_without_a_gateway(tmp_path: Path, case: Case) -> None:
    """The same bytes, the same end and the same entry in the journal, for a request after which no other comes."""

    def told(entry: object) -> dict[str, object]:
        assert isinstance(entry, dict)
        return {key: entry[key] for key in ("request_head", "status", "fault", "sent_bytes", "ended")}

    async with lab(tmp_path) as standing:
        target = standing.target
        heard: list[Heard] = []
        for peer in (target.peer, standing.peer()):
            await target.set_plan(case.plan)
            heard.append(await anyio.to_thread.run_sync(peer.ask, peer.get(fields=CLOSE)))
        direct, through = heard
        assert through == direct
        one, other = await target.ended()
        assert told(one) == told(other)
        assert standing.proxy.counts.handed_over == 1
        assert not standing.proxy.clients


async def test_the_metrics_say_how_many(tmp_path: Path) -> None:
    """Tunnels and last requests; the admin side is relayed to."""
    async with lab(tmp_path) as standing:
        peer, proxy = standing.peer(), standing.proxy
        for _again in range(2):
            assert (await standing.ask(peer.get(fields=CLOSE))).end == "fin"
        await standing.ask(b"CONNECT keep.test:80 HTTP/1.1\r\n\r\n" + standing.target.peer.get(fields=CLOSE))
        await standing.ask(b"GET http://keep.test:8081/healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        lines = (
            await standing.ask(f"GET /metrics HTTP/1.1\r\nHost: {proxy.address}\r\n\r\n".encode())
        ).data.splitlines()
        assert b"gateway_handed_over_total 3" in lines
        assert b"gateway_requests_total 3" in lines
        assert b"gateway_tunnels_total 1" in lines
        assert b"gateway_connections_total 5" in lines


async def test_a_host_that_refuses_gets_its_502(tmp_path: Path) -> None:
    """A site that is off takes no connection, and the gateway says so."""
    async with lab(tmp_path) as standing:
        await standing.target.set_plan([{"fault": "refuse"}])
        heard = await standing.ask(standing.peer().get(fields=CLOSE))
        assert heard.data.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert heard.data.endswith(b"\r\n\r\nkeep.test:80 refused the connection\n")
        assert standing.proxy.counts.handed_over == 0


async def test_the_journal_has_the_request_in_origin_form_and_the_client(tmp_path: Path) -> None:
    """The Host field is the target's, and the body is counted, though it comes later."""
    async with lab(tmp_path) as standing:

        def talk() -> tuple[str, Heard]:
            with socket.create_connection(standing.proxy.address, timeout=20) as client:
                head = f"POST http://KEEP.test/a?b HTTP/1.1\r\nHost: other\r\n{CLOSE}Content-Length: 6\r\n\r\n"
                client.sendall(head.encode() + b"abc")
                while not standing.proxy.counts.handed_over:
                    pass
                client.sendall(b"def")
                host, port = client.getsockname()
                return f"{host}:{port}", listen(client, ALL)

        own, heard = await anyio.to_thread.run_sync(talk)
        assert heard == Heard(KEEP, "fin")
        (entry,) = await standing.target.ended()
        assert entry["peer"] == own
        assert entry["body_bytes"] == 6
        assert str(entry["request_head"]).startswith("POST /a?b HTTP/1.1\r\nHost: KEEP.test\r\n")


async def test_a_client_that_ends_its_side_gets_its_answer(tmp_path: Path) -> None:
    """RFC 9293, section 3.6."""
    async with lab(tmp_path) as standing:

        def talk() -> Heard:
            with socket.create_connection(standing.proxy.address, timeout=20) as client:
                client.sendall(standing.peer().get(fields=CLOSE))
                client.shutdown(socket.SHUT_WR)
                return listen(client, ALL)

        assert await anyio.to_thread.run_sync(talk) == Heard(KEEP, "fin")


@pytest.mark.parametrize("at", [1, 30], ids=["after a byte", "within the head"])
async def test_a_head_in_two_pieces_is_relayed(tmp_path: Path, at: int) -> None:
    """With the same answer."""
    async with lab(tmp_path) as standing:
        raw = standing.peer().get(fields=CLOSE)

        client = await anyio.to_thread.run_sync(socket.create_connection, standing.proxy.address, 20)
        with client:
            await anyio.to_thread.run_sync(client.sendall, raw[:at])
            with anyio.fail_after(20):
                while not any(isinstance(each, ClientConnection) for each in standing.proxy.clients):
                    await anyio.lowlevel.checkpoint()
            await anyio.to_thread.run_sync(client.sendall, raw[at:])
            assert await anyio.to_thread.run_sync(listen, client, ALL) == Heard(KEEP, "fin")
        assert standing.proxy.counts.handed_over == 0


async def test_a_client_that_waits_before_its_request_is_handed_over_all_the_same(tmp_path: Path) -> None:
    """It counts as a client of the gateway's until then, and not from then on."""
    async with lab(tmp_path) as standing:

        def talk() -> Heard:
            with socket.create_connection(standing.proxy.address, timeout=20) as client:
                while not standing.proxy.clients:
                    pass
                client.sendall(standing.peer().get(fields=CLOSE))
                return listen(client, ALL)

        assert await anyio.to_thread.run_sync(talk) == Heard(KEEP, "fin")
        assert standing.proxy.counts.handed_over == 1
        assert not standing.proxy.clients


async def test_a_stop_lets_the_site_finish(tmp_path: Path) -> None:
    """The gateway may go: the connection is the site's."""
    async with sites({"keep.test.http": KEEP}, tmp_path) as running:
        target = await target_of(running, "keep.test")
        await target.set_plan([{"fault": "drip", "bytes": 10, "interval_s": 0.02}])
        with contextlib.ExitStack() as stack:
            async with proxy_served(ProxySettings(LOOPBACK, drain_s=0), EmbeddedDirectory(running, LOOPBACK)) as proxy:
                peer = ProxiedPeer(proxy.address, "keep.test")
                client = await anyio.to_thread.run_sync(socket.create_connection, proxy.address, 20)
                stack.enter_context(client)
                await anyio.to_thread.run_sync(client.sendall, peer.get(fields=CLOSE))
                with anyio.fail_after(20):
                    while not proxy.counts.handed_over:
                        await anyio.lowlevel.checkpoint()
            assert await anyio.to_thread.run_sync(listen, client, ALL) == Heard(KEEP, "fin")


async def test_a_lack_of_files_is_waited_for(tmp_path: Path) -> None:
    """One connection waits until there is a file for it, and is served then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with lab(tmp_path) as standing:
        lacks: list[object] = []
        standing.proxy.loop.set_exception_handler(lambda _loop, context: lacks.append(context["exception"]))
        with socket.socket() as client:
            client.setblocking(False)
            resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 1, hard))
            try:
                client.connect_ex(standing.proxy.address)
                with anyio.fail_after(20):
                    while not lacks:
                        await anyio.lowlevel.checkpoint()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            client.settimeout(20)
            await anyio.to_thread.run_sync(client.sendall, standing.peer().get(fields=CLOSE))
            assert await anyio.to_thread.run_sync(listen, client, ALL) == Heard(KEEP, "fin")
        assert [error.errno for error in lacks if isinstance(error, OSError)] == [errno.EMFILE]


def turned_away(address: tuple[str, int], raw: bytes) -> Heard:
    """Return what a client hears; a RST may come before its connect has returned."""
    try:
        with socket.create_connection(address, 20) as client:
            client.sendall(raw)
            return listen(client, ALL)
    except ConnectionResetError:
        return Heard(b"", "rst")


@pytest.mark.parametrize("way", ["direct", "last request", "tunnel"])
async def test_a_connection_over_the_limit_of_the_site_is_reset(tmp_path: Path, way: str) -> None:
    """With no byte, not even that of a tunnel, whether the gateway has handed it over or not; the others are served."""
    async with lab(tmp_path, most=2) as standing:
        direct = standing.target.peer
        raw = {
            "direct": b"",  # the site reads nothing before it resets
            "last request": standing.peer().get(fields=CLOSE),
            "tunnel": b"CONNECT keep.test:80 HTTP/1.1\r\n\r\n" + direct.get(),
        }[way]

        def talk() -> list[Heard]:
            with contextlib.ExitStack() as stack:
                for _open in range(2):
                    first = stack.enter_context(socket.create_connection(direct.address, 20))
                    first.sendall(direct.get())
                    assert listen(first, len(KEEP)).data == KEEP
                address = direct.address if way == "direct" else standing.proxy.address
                return [turned_away(address, raw) for _one in range(5)]

        assert await anyio.to_thread.run_sync(talk) == [Heard(b"", "rst")] * 5
        site = standing.site
        assert (site.turned_away, site.accepted, len(site.arriving)) == (5, 7, 0)
        entries = [entry for entry in await standing.target.entries() if entry["ended"] == "stopped"]
        assert [(entry["host"], entry["request_head"], entry["sent_bytes"]) for entry in entries] == [
            ("keep.test", "", 0)
        ] * 5


async def test_connections_that_arrive_at_once_do_not_pass_the_limit(tmp_path: Path) -> None:
    """Those count that are handed over and have no protocol yet: no more of them have a file than may be served."""
    async with lab(tmp_path, most=3) as standing:
        raw = b"CONNECT keep.test:80 HTTP/1.1\r\n\r\n"

        def connect() -> list[socket.socket]:
            return [socket.create_connection(standing.proxy.address, 20) for _one in range(20)]

        with contextlib.ExitStack() as stack:
            for client in await anyio.to_thread.run_sync(connect):
                stack.enter_context(client)
                client.setblocking(False)
                client.send(raw)  # the loop does nothing meanwhile
            with anyio.fail_after(20):
                while standing.proxy.counts.handed_over < 20:
                    assert len(standing.site.connections) + len(standing.site.arriving) <= 3
                    await anyio.lowlevel.checkpoint()
        assert standing.site.turned_away == 17


@pytest.mark.parametrize(
    ("files", "in_use", "sites", "most"),
    [(64, 22, 32, 3), (64, 40, 32, 1), (1024, 22, 512, 243), (1_048_576, 22, 15_000, 262_144)],
    ids=["few", "none left", "usual", "more than memory allows"],
)
def test_the_files_of_one_process_are_enough_for_gateway_and_sites(
    files: int, in_use: int, sites: int, most: int
) -> None:
    """A client of the gateway's has a file, and one to a site; the gateway can always be asked."""
    assert gateway_share(files, in_use=in_use, sites=sites) == most
    assert most == 1 or in_use + sites + 2 * most < files
