"""Every fault, through the gateway and beside it: the same bytes, the same ending, and the same journal."""

import socket
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from tests.gateway.proxy.gateways import CONNECTED, ProxiedPeer, Way, gateway_to, site_through
from tests.sites.fault_table import CASES, Case
from tests.sites.faults.outcome import (
    CERTIFICATES,
    assert_refused_certificate,
    client_hello,
    expected_outcome,
    outcome_of,
)
from tests.sites.peer import Heard, listen
from tests.sites.target import KEEP, sites, target_of

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
        assert await outcome_of(target, case) == expected_outcome(target, case)


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


@pytest.mark.parametrize("fault", CERTIFICATES)
async def test_a_bad_certificate_is_refused_for_its_own_reason(tmp_path: Path, fault: str) -> None:
    """TLS ends at the client, and not at the gateway."""
    async with site_through("connect", tmp_path, secure=True) as target:
        await assert_refused_certificate(target, fault)


async def test_tls_stall_reads_the_hello_and_never_answers(tmp_path: Path) -> None:
    """No byte comes back; the client has to end the connection."""
    async with site_through("connect", tmp_path, secure=True) as target:
        await target.set_plan([{"fault": "tls_stall"}])
        hello = client_hello(target)

        def talk() -> Heard:
            with socket.create_connection(target.peer.address, timeout=20) as connection:
                connection.sendall(b"CONNECT keep.test:443 HTTP/1.1\r\n\r\n")
                assert listen(connection, len(CONNECTED)).data == CONNECTED
                connection.sendall(hello)
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
