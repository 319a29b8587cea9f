"""Connections that are handed over to a site in another process, by a Unix socket: what the client sees is the same.

The gateway's route to the site has no address, so that whatever is relayed gets a 502.
"""

import ctypes
import dataclasses
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from services.gateway.proxy.directory import ComposeDirectory
from services.gateway.proxy.handover.channels import SOCKET_NAME, Channels
from services.gateway.proxy.handover.inbound_only import has_filter, make_inbound_only
from services.gateway.proxy.server import proxy_served
from services.gateway.proxy.settings import ProxySettings
from services.gateway.proxy.shared import Shared
from services.runtime.http import Address
from services.runtime.sockets.handed import HEADER, MAX_BYTES, Receiver, channel, send_connection
from services.sites.server import RunningSite, serve_site
from services.sites.settings import SitesSettings
from tests.gateway.proxy.gateways import LOOPBACK, ProxiedPeer, Way
from tests.sites.fault_table import CASES
from tests.sites.peer import Heard, listen
from tests.sites.target import KEEP, Target, target_of

pytestmark = pytest.mark.anyio

ALL = 1 << 62
CLOSE = "Connection: close\r\n"
RELAYED = b"keep.test:80: the service no service has no address: is it up?\n"


def socket_of(directory: Path) -> Path:
    """Return where the site's socket is."""
    return directory / "no service" / SOCKET_NAME


@dataclasses.dataclass(frozen=True, slots=True)
class Lab:
    """A site, and a gateway that reaches it by its Unix socket alone."""

    running: RunningSite
    target: Target
    proxy: Shared

    def peer(self, way: Way = "absolute") -> ProxiedPeer:
        """Return a client."""
        return ProxiedPeer(self.proxy.address, "keep.test", None, way)

    async def ask(self, fields: str = CLOSE) -> Heard:
        """Return what a client hears."""
        peer = self.peer()
        return await anyio.to_thread.run_sync(peer.ask, peer.get(fields=fields))


@asynccontextmanager
async def site(directory: Path, **changes: object) -> AsyncIterator[RunningSite]:
    """Run keep.test as in a container."""
    await anyio.Path(directory, "keep.test.http").write_bytes(KEEP)
    await anyio.Path(socket_of(directory)).parent.mkdir(exist_ok=True)
    settings = SitesSettings(
        directory=directory,
        hosts=("keep.test",),
        where=LOOPBACK,
        tls=LOOPBACK,
        admin=LOOPBACK,
        handover=socket_of(directory),
        drain_s=0,
    )
    async with serve_site(dataclasses.replace(settings, **changes)) as running:  # type: ignore[arg-type]
        yield running


@asynccontextmanager
async def gateway(directory: Path) -> AsyncIterator[Shared]:
    """Run a gateway that hands connections over."""
    with closing(Channels(directory)) as channels:
        names = ComposeDirectory({"keep.test": "no service"}, Address("hello", 8000), channels)
        async with proxy_served(ProxySettings(LOOPBACK, drain_s=0, inbound_only=has_filter()), names) as proxy:
            yield proxy


@asynccontextmanager
async def lab(directory: Path) -> AsyncIterator[Lab]:
    """Run both."""
    async with site(directory) as running, gateway(directory) as proxy:
        target = await target_of(running, "keep.test", secure=False)
        yield Lab(running, target, proxy)


@pytest.mark.parametrize("way", ["absolute", "connect"])
async def test_the_site_answers_the_client_itself(tmp_path: Path, way: Way) -> None:
    """And its journal names the client, by the client's own connection."""
    async with lab(tmp_path) as standing:
        peer = standing.peer(way)

        def talk() -> tuple[str, Heard]:
            with peer.connect() as connection:
                assert isinstance(connection, socket.socket)
                connection.sendall(peer.get(fields=CLOSE))
                host, port = connection.getsockname()
                return f"{host}:{port}", listen(connection, ALL)

        own, heard = await anyio.to_thread.run_sync(talk)
        assert heard == Heard(KEEP, "fin")
        (entry,) = await standing.target.ended()
        assert (entry["peer"], entry["target"]) == (own, "/")
        assert not standing.proxy.clients


NAMES = [name for name, case in CASES.items() if case.end in ("fin", "rst")]


@pytest.mark.parametrize("name", NAMES)
async def test_a_fault_gives_its_bytes_and_its_ending(tmp_path: Path, name: str) -> None:
    """To the byte, as without a gateway."""
    case = CASES[name]
    async with lab(tmp_path) as standing:
        recording = standing.target.recording
        await standing.target.set_plan(case.plan)
        heard = await standing.ask()
        assert heard == Heard(case.expected(recording.head, recording.body), "rst" if case.end == "rst" else "fin")


async def test_a_site_that_is_off_takes_nothing_and_is_found_again(tmp_path: Path) -> None:
    """Its socket goes with its listeners, and comes with them."""
    async with lab(tmp_path) as standing:
        assert await standing.ask() == Heard(KEEP, "fin")
        await standing.target.set_plan([{"fault": "refuse"}])
        assert not await anyio.Path(socket_of(tmp_path)).exists()
        assert (await standing.ask()).data.endswith(RELAYED)
        await standing.target.call("DELETE", "/faults/keep.test")
        assert await standing.ask() == Heard(KEEP, "fin")
        assert standing.proxy.counts.handed_over == 2


async def test_a_site_that_starts_again_is_found_again(tmp_path: Path) -> None:
    """The socket of one that was killed is in no later one's way."""
    async with gateway(tmp_path) as proxy:
        peer = ProxiedPeer(proxy.address, "keep.test")
        request = peer.get(fields=CLOSE)
        assert (await anyio.to_thread.run_sync(peer.ask, request)).data.endswith(RELAYED)
        for _again in range(2):
            async with site(tmp_path):
                assert await anyio.to_thread.run_sync(peer.ask, request) == Heard(KEEP, "fin")
            with channel() as left:
                left.bind(str(socket_of(tmp_path)))
        assert (await anyio.to_thread.run_sync(peer.ask, request)).data.endswith(RELAYED)


async def test_what_may_go_on_with_another_host_is_relayed(tmp_path: Path) -> None:
    """As it is without such a socket."""
    async with lab(tmp_path) as standing:
        assert (await standing.ask("")).data.endswith(RELAYED)
        assert standing.proxy.counts.handed_over == 0


async def test_a_site_that_takes_nothing_fills_its_channel_and_the_rest_is_relayed(tmp_path: Path) -> None:
    """No client waits for a site that hangs, beyond those that it has been given."""
    await anyio.Path(socket_of(tmp_path)).parent.mkdir()
    with channel() as hanging:
        hanging.bind(str(socket_of(tmp_path)))
        hanging.listen(1)
        async with gateway(tmp_path) as proxy:
            peer = ProxiedPeer(proxy.address, "keep.test")
            request = peer.get(fields=f"{CLOSE}Pad: {'x' * 8000}\r\n")

            def ask_until_relayed() -> int:
                clients: list[socket.socket] = []
                while True:
                    clients.append(socket.create_connection(proxy.address, timeout=20))
                    clients[-1].sendall(request)
                    while proxy.counts.handed_over + proxy.counts.refused[502] < len(clients):
                        pass
                    if proxy.counts.refused[502]:
                        assert listen(clients[-1], ALL).data.endswith(RELAYED)
                        break
                for each in clients:
                    each.close()
                return len(clients)

            assert await anyio.to_thread.run_sync(ask_until_relayed) > 2


async def test_a_site_without_a_directory_serves_all_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One line of the log says that nothing is handed over."""
    async with site(tmp_path, handover=tmp_path / "missing" / "x.sock") as running:
        (http, _tls) = running.listeners.of("keep.test")
        assert not running.site.trouble
        with socket.socket() as client:
            client.setblocking(False)
            client.connect_ex(http)
    assert "No such file or directory" in caplog.text


MESSAGES = {
    "no connection": (b"\4\0\x50\0\0", []),
    "a file": (b"\4\0\x50\0\0", [os.open(os.devnull, os.O_RDONLY)]),
    "too short": (b"\4", None),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_that_is_no_connection_is_dropped(name: str) -> None:
    """With what came with it."""
    data, descriptors = MESSAGES[name]
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other, socket.create_server(LOOPBACK) as any_socket:
        socket.send_fds(one, [data], [any_socket.fileno()] if descriptors is None else descriptors)
        assert Receiver().receive(other) is None


def test_a_message_has_a_connection_and_its_bytes() -> None:
    """As they were sent; then the end."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other, socket.create_server(LOOPBACK) as listening:
        with socket.create_connection(listening.getsockname()) as client:
            accepted, _peer = listening.accept()
            came = bytes(MAX_BYTES - HEADER.size - 2)
            with accepted:
                send_connection(one, accepted, port=443, ahead=b"ok", came=came)
            found = Receiver().receive(other)
            assert found
            with found.connected:
                assert (found.port, found.ahead, found.came) == (443, b"ok", came)
                assert found.connected.getpeername() == client.getsockname()
                assert not found.connected.getblocking()
        one.close()
        with pytest.raises(EOFError):
            Receiver().receive(other)


@pytest.mark.skipif(not has_filter(), reason="this system lets this program filter no socket")
def test_the_socket_of_a_client_connects_to_nothing_else() -> None:
    """Though it can be disconnected, as a program that has taken over a site might; no program takes the filter off."""
    libc = ctypes.CDLL(None)
    with socket.create_server(LOOPBACK) as elsewhere, socket.socket() as bound:
        bound.bind(LOOPBACK)
        make_inbound_only(bound)
        bound.listen()
        for listening, reaches in ((socket.create_server(LOOPBACK), True), (bound, False)):
            with listening, socket.create_connection(listening.getsockname()) as client:
                taken, _peer = listening.accept()
                with taken:
                    client.sendall(b"asked")
                    assert taken.recv(5) == b"asked"
                    taken.sendall(b"told")
                    assert client.recv(4) == b"told"
                    with pytest.raises((PermissionError, FileNotFoundError)):  # SO_DETACH_FILTER: locked, or not there
                        taken.setsockopt(socket.SOL_SOCKET, 27, 0)
                    assert libc.connect(taken.fileno(), bytes(16), 16) == 0  # AF_UNSPEC
                    taken.settimeout(20 if reaches else 0.2)
                    if reaches:
                        taken.connect(elsewhere.getsockname())
                    else:
                        with pytest.raises(TimeoutError):
                            taken.connect(elsewhere.getsockname())
