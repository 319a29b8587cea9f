"""Every fault, through the gateway and beside it: the same bytes, the same ending, and the same journal."""

import dataclasses
import socket
import ssl
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from tests.gateway.proxy.gateways import CONNECTED, ProxiedPeer, Way, gateway_to, site_through
from tests.sites.fault_table import CASES, Case
from tests.sites.peer import Heard, listen
from tests.sites.target import KEEP, Target, sites, target_of

pytestmark = pytest.mark.anyio

WAYS = [
    pytest.param("direct", False, id="direct"),
    pytest.param("absolute", False, id="absolute-form"),
    pytest.param("connect", False, id="CONNECT"),
    pytest.param("direct", True, id="direct, TLS"),
    pytest.param("connect", True, id="CONNECT, TLS"),
]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize(("way", "secure"), WAYS)
async def test_a_fault_gives_its_bytes_and_its_ending(tmp_path: Path, way: Way, secure: bool, case: Case) -> None:
    """A client at the gateway sees what a client at the site sees, to the byte."""
    async with site_through(way, tmp_path, secure=secure) as target:
        recording = target.recording
        expected = case.expected(recording.head, recording.body)
        kept = case.end in ("kept", "recorded")
        await target.set_plan(case.plan)
        heard = await anyio.to_thread.run_sync(ask, target, case, len(expected), kept)
        assert heard.data == expected + (recording.head + recording.body if kept else b"")
        assert heard.end == {"rst": "rst", "silence": "open"}.get(case.end, "open" if kept else "fin")
        entry = (await target.ended())[0]
        assert entry["fault"] == case.fault
        assert entry["sent_bytes"] == len(expected)
        assert entry["ended"] == {"rst": "rst", "silence": "peer_fin"}.get(case.end, "kept" if kept else "fin")


def ask(target: Target, case: Case, expected_bytes: int, kept: bool) -> Heard:
    """Send a request and read to the end; leave if silence is expected; ask again if the connection is to be kept."""
    peer = target.peer
    if case.fault.startswith("accept"):
        peer = dataclasses.replace(peer, context=None)  # no handshake will come of it
    if case.end == "silence":
        return peer.ask_then_leave(expected_bytes)
    if not kept:
        return peer.ask()
    with peer.connect() as connection:
        connection.sendall(peer.get())
        first = listen(connection, expected_bytes)
        connection.sendall(peer.get())
        normal = listen(connection, len(target.recording.head + target.recording.body))
        return Heard(first.data + normal.data, normal.end)


async def test_endless_head_goes_on_for_as_long_as_it_is_read(tmp_path: Path) -> None:
    """Megabytes pass through, and the host hears that the client has left."""
    async with site_through("absolute", tmp_path) as target:
        line = b"X-Lab-Fault: endless\r\n"
        await target.set_plan([{"fault": "endless_head"}])
        heard = await anyio.to_thread.run_sync(lambda: target.peer.ask(most=3_000_000))
        assert heard.end == "open"
        assert heard.data == (target.recording.head.partition(b"\n")[0] + b"\n" + line * 150_000)[:3_000_000]
        assert (await target.ended())[0]["ended"] in {"peer_rst", "peer_fin"}


@pytest.mark.parametrize("way", ["absolute", "connect"])
async def test_refuse_is_told_apart_by_its_502(tmp_path: Path, way: Way) -> None:
    """One line says which host refused; the first request after `clear` is answered."""
    async with site_through(way, tmp_path) as target:
        await target.set_plan([{"fault": "refuse"}])
        asked = {
            "absolute": target.peer.get(),
            "connect": b"CONNECT keep.test:80 HTTP/1.1\r\nHost: keep.test:80\r\n\r\n",
        }
        plain = ProxiedPeer(target.peer.address, target.host)
        heard = await anyio.to_thread.run_sync(lambda: plain.ask(asked[way]))
        assert heard.end == "fin"
        assert heard.data.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert heard.data.endswith(b"\r\n\r\nkeep.test:80 refused the connection\n")
        await target.call("DELETE", f"/faults/{target.host}")
        heard = await anyio.to_thread.run_sync(lambda: target.peer.ask(most=len(KEEP)))
        assert heard.data == target.recording.head + target.recording.body


CERTIFICATES = {"tls_expired": 10, "tls_wrong_name": 62, "tls_self_signed": 18}


@pytest.mark.parametrize("fault", CERTIFICATES)
async def test_a_bad_certificate_is_refused_for_its_own_reason(tmp_path: Path, fault: str) -> None:
    """TLS ends at the client, and not at the gateway."""
    async with site_through("connect", tmp_path, secure=True) as target:
        await target.set_plan([{"fault": fault, "first": 1}])
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            await anyio.to_thread.run_sync(target.peer.ask)
        assert caught.value.verify_code == CERTIFICATES[fault]


async def test_tls_stall_reads_the_hello_and_never_answers(tmp_path: Path) -> None:
    """No byte comes back; the client has to end the connection."""
    async with site_through("connect", tmp_path, secure=True) as target:
        await target.set_plan([{"fault": "tls_stall"}])
        assert target.peer.context
        incoming, hello = ssl.MemoryBIO(), ssl.MemoryBIO()
        with pytest.raises(ssl.SSLWantReadError):
            target.peer.context.wrap_bio(incoming, hello, server_hostname=target.host).do_handshake()

        def talk() -> Heard:
            with socket.create_connection(target.peer.address, timeout=20) as connection:
                connection.sendall(b"CONNECT keep.test:443 HTTP/1.1\r\n\r\n")
                assert listen(connection, len(CONNECTED)).data == CONNECTED
                connection.sendall(hello.read())
                connection.shutdown(socket.SHUT_WR)
                return listen(connection, 1 << 62)

        assert await anyio.to_thread.run_sync(talk) == Heard(b"", "fin")
        entry = (await target.ended())[0]
        assert (entry["fault"], entry["ended"], entry["sent_bytes"]) == ("tls_stall", "peer_fin", 0)


@pytest.mark.parametrize("way", ["absolute", "connect"])
async def test_the_journal_names_the_clients_own_connection(tmp_path: Path, way: Way) -> None:
    """The peer of an entry is the client's address and port, and not the gateway's."""
    async with sites({"keep.test.http": KEEP}, tmp_path) as running, gateway_to(running) as gateway:
        target = await target_of(running, "keep.test")
        peer = ProxiedPeer(gateway, target.host, None, way)

        def talk() -> str:
            with peer.connect() as connection:
                assert isinstance(connection, socket.socket)
                connection.sendall(peer.get())
                assert listen(connection, len(KEEP)).data == KEEP
                host, port = connection.getsockname()
                return f"{host}:{port}"

        own = await anyio.to_thread.run_sync(talk)
        assert (await target.ended())[0]["peer"] == own
        with anyio.fail_after(20):
            while running.site.relayed:
                await anyio.lowlevel.checkpoint()
