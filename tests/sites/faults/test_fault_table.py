"""Each fault, driven through a socket: the bytes and the ending are those of the table, over HTTP and over TLS."""

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio.to_thread
import pytest

from lab.compose.stack import Stack
from services.sites.faults.catalog import FAULTS
from services.sites.replay.directory import load_recording
from services.sites.settings import RECORDINGS
from tests.sites.fault_table import CASES, ELSEWHERE, Case
from tests.sites.faults.outcome import (
    CERTIFICATES,
    assert_refused_certificate,
    client_hello,
    expected_outcome,
    outcome_of,
)
from tests.sites.peer import Heard, Peer, listen
from tests.sites.target import Target, one_site

pytestmark = pytest.mark.anyio

Where = Callable[[], AbstractAsyncContextManager[Target]]
HOST = "www.sohu.com"  # in Compose: its body is large, and its head says Connection: close


@pytest.fixture(params=["embedded-asyncio", "embedded-uvloop", pytest.param("compose", marks=pytest.mark.docker)])
def place(request: pytest.FixtureRequest) -> str:
    """Return where the site runs; in a container, on the loop that is chosen there."""
    return str(request.param)


@pytest.fixture
def anyio_backend(place: str) -> tuple[str, dict[str, bool]]:
    """Run an embedded site on both loops; the test's own loop does nothing for one in a container."""
    return "asyncio", {"use_uvloop": place == "embedded-uvloop"}


@pytest.fixture(params=[False, True], ids=["http", "tls"])
def where(request: pytest.FixtureRequest, place: str, tmp_path: Path) -> Where:
    """Return a function that gives a host to test."""
    secure = bool(request.param)
    if place != "compose":
        return lambda: one_site(tmp_path, secure=secure)
    stack, address = request.getfixturevalue("bridged")
    return lambda: in_container(stack, address, secure=secure)


@pytest.fixture(scope="module")
def bridged(stack: Stack) -> Iterator[tuple[Stack, str]]:
    """Return the lab, and an address of the site in it: on a network of the test's own, since the lab's is closed.

    What is tested is the site's bytes and resets, which no relay between may touch.
    """
    client = stack.client()
    container = next(each for each in client.compose.ps() if "sohu" in each.name)
    network = client.network.create(f"{stack.project}-bridged")
    try:
        client.network.connect(network, container)
        networks = client.container.inspect(container.id).network_settings.networks or {}
        yield stack, str(networks[network.name].ip_address)
    finally:
        client.network.disconnect(network, container, force=True)
        network.remove()


@asynccontextmanager
async def in_container(stack: Stack, address: str, *, secure: bool) -> AsyncIterator[Target]:
    """Give the site in its container, reached from this machine."""
    target = await anyio.to_thread.run_sync(find_container, stack, address, secure)
    await target.call("DELETE", "/journal")
    try:
        yield target
    finally:
        await target.call("DELETE", "/faults")


def find_container(stack: Stack, address: str, secure: bool) -> Target:
    """Return the container that plays HOST as a target, with its certificate."""
    context = None
    if secure:
        pem = stack.run_compose("exec", "-T", "sohu", "cat", "/lab-ca/ca.pem").stdout
        context = ssl.create_default_context(cadata=pem)
    peer = Peer((address, 443 if secure else 80), HOST, context)
    return Target(peer, f"http://{address}:8081", load_recording(RECORDINGS / f"{HOST}.http"))


def test_every_fault_has_a_case() -> None:
    """A fault without an expected result would not be tested."""
    assert {case.fault for case in CASES.values()} | ELSEWHERE == set(FAULTS)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_fault_gives_its_bytes_and_its_ending(where: Where, case: Case) -> None:
    """What a socket reads, how the stream ends and what the journal says are what the table says."""
    async with where() as target:
        assert await outcome_of(target, case) == expected_outcome(target, case)


async def test_endless_head_goes_on_for_as_long_as_it_is_read(where: Where) -> None:
    """Megabytes of one field, none of them kept in memory, until the peer leaves."""
    async with where() as target:
        first = target.recording.head.partition(b"\n")[0] + b"\n"
        line = b"X-Lab-Fault: endless\r\n"
        most = 3_000_000
        await target.set_plan([{"fault": "endless_head"}])
        heard = await anyio.to_thread.run_sync(lambda: target.peer.ask(most=most))
        assert heard.end == "open"
        assert heard.data == (first + line * (most // len(line) + 1))[:most]
        entry = (await target.ended())[0]
        assert entry["ended"] in {"peer_rst", "peer_fin"}


async def test_refuse_closes_the_port_until_it_is_cleared(where: Where) -> None:
    """The system itself refuses the connection, and the first one after `clear` is answered."""
    async with where() as target:
        for _again in range(2):
            await target.set_plan([{"fault": "refuse"}])
            with pytest.raises(ConnectionRefusedError):
                await anyio.to_thread.run_sync(target.peer.ask)
            status, _plan = await target.call("DELETE", f"/faults/{target.host}")
            assert status == 200
            heard = await anyio.to_thread.run_sync(
                lambda: target.peer.ask(target.peer.get(fields="Connection: close\r\n"))
            )
            assert heard == Heard(target.recording.head + target.recording.body, "fin")


@pytest.mark.parametrize("fault", CERTIFICATES)
@pytest.mark.parametrize("where", [True], indirect=True, ids=["tls"])
async def test_a_bad_certificate_is_refused_for_its_own_reason(where: Where, fault: str) -> None:
    """Each is bad in one way only, and a client that verifies says which."""
    async with where() as target:
        await assert_refused_certificate(target, fault)
        entry = (await target.ended())[0]
        assert (entry["fault"], entry["ended"], entry["tls"]) == (fault, "bad_handshake", True)
        heard = await anyio.to_thread.run_sync(lambda: target.peer.ask(most=10))
        assert heard.data == target.recording.head[:10]


@pytest.mark.parametrize("where", [True], indirect=True, ids=["tls"])
async def test_tls_stall_reads_the_hello_and_never_answers(where: Where) -> None:
    """No byte comes back; the peer has to end the connection."""
    async with where() as target:
        await target.set_plan([{"fault": "tls_stall"}])
        hello = client_hello(target)
        plain = Peer(target.peer.address, target.host)
        heard = await anyio.to_thread.run_sync(send_and_leave, plain, hello)
        assert heard == Heard(b"", "fin")
        entry = (await target.ended())[0]
        assert (entry["fault"], entry["ended"], entry["sent_bytes"]) == ("tls_stall", "peer_fin", 0)


def send_and_leave(peer: Peer, data: bytes) -> Heard:
    """Send bytes, end our side, and listen to the end."""
    import socket

    with peer.connect() as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return listen(connection, 1 << 62)
