"""Bytes to and from a socket: waits end and other tasks run, however a peer sends and reads.

Bytes that a peer has sent are received, also where sending to it fails.
"""

import asyncio
import socket
import ssl
import struct
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.client.errors import FetchError
from services.client.survey.deadlines import NEVER, DeadlineSweeper, Expired
from services.client.survey.transport.connect import begin, connect, is_connected
from services.client.survey.transport.epoll import Poller
from services.client.survey.transport.sockets import SocketAddress, Sockets
from services.client.survey.transport.stream import RECEIVED_BYTES, Plain, Tls
from services.client.tls import tls_context
from tests.client.raw_servers import Connection, beside_loop, server_context, tls_server
from tests.client.survey.hostile import LOOPBACK

pytestmark = pytest.mark.usefixtures("transport")

MORE_THAN_KERNELS_HOLD = 64 * 1024 * 1024


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Plain, socket.socket]]:
    """Yield a stream, and the socket of its peer, which does nothing by itself."""
    loop = asyncio.get_running_loop()
    with socket.create_server((LOOPBACK, 0)) as server, Poller() as poller, DeadlineSweeper() as sweeper:
        server.setblocking(False)
        deadline = sweeper.deadline()
        polled, _ = await connect(Sockets(poller), [SocketAddress(*server.getsockname())], deadline, NEVER)
        peer, _ = await loop.sock_accept(server)
        try:
            with peer:
                yield Plain(polled, deadline), peer
        finally:
            polled.close()


@pytest.mark.anyio
async def test_a_peer_that_has_ended_and_reads_nothing_is_left_at_the_deadline() -> None:
    """After its FIN, a receive never waits; the send waits, and must not loop meanwhile."""
    async with connected() as (stream, peer):
        peer.shutdown(socket.SHUT_WR)
        with pytest.raises(Expired):
            await stream.send(bytes(MORE_THAN_KERNELS_HOLD), time.monotonic() + 0.1)


@pytest.mark.anyio
@pytest.mark.parametrize("ends", [False, True])
async def test_a_peer_that_never_pauses_does_not_block_the_loop(ends: bool) -> None:
    """Signals, deadlines and other hosts have their time, although there is always more to receive."""
    others = asyncio.Event()
    async with connected() as (stream, peer):
        peer.sendall(bytes(2 * RECEIVED_BYTES))
        if ends:
            peer.shutdown(socket.SHUT_WR)
        assert len(await stream.receive(NEVER)) == RECEIVED_BYTES
        asyncio.get_running_loop().call_soon(others.set)
        assert len(await stream.receive(NEVER)) == RECEIVED_BYTES
        assert others.is_set()


ANSWER = b"HTTP/1.1 413 Content Too Large\r\n\r\n"
REQUEST = b"GET / HTTP/1.1\r\n\r\n"


def reset(peer: socket.socket) -> None:
    """End a connection by RST, and let it arrive: over loopback it has when `close` returns."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


@pytest.mark.anyio
@pytest.mark.parametrize("requests", [1, 3])
@pytest.mark.parametrize("unread", [False, True], ids=["before the request", "within the request"])
async def test_an_answer_is_there_though_the_request_could_not_be_sent(unread: bool, requests: int) -> None:
    """Sending fails; the bytes from before the reset are received, and then the reset."""
    async with connected() as (stream, peer):
        if unread:
            await stream.send(REQUEST, NEVER)
        peer.sendall(ANSWER)
        reset(peer)
        for _ in range(requests):
            await stream.send(REQUEST, NEVER)
        assert await stream.receive(NEVER) == ANSWER
        for _ in range(2):
            with pytest.raises(FetchError) as failed:
                await stream.receive(NEVER)
            assert failed.value.kind == "reset"


@pytest.mark.anyio
async def test_a_reset_without_any_bytes_is_an_error_of_receive() -> None:
    """At once."""
    async with connected() as (stream, peer):
        reset(peer)
        await stream.send(REQUEST, NEVER)
        with pytest.raises(FetchError) as failed:
            await stream.receive(NEVER)
        assert failed.value.kind == "reset"


@pytest.mark.anyio
@pytest.mark.parametrize("ends", [False, True])
async def test_an_answer_ends_the_wait_for_a_peer_that_takes_no_more(ends: bool) -> None:
    """As of a server that has refused an upload, and reads no more of it."""
    async with connected() as (stream, peer):
        peer.sendall(ANSWER)
        if ends:
            peer.shutdown(socket.SHUT_WR)
        await stream.send(bytes(MORE_THAN_KERNELS_HOLD), NEVER)
        assert await stream.receive(NEVER) == ANSWER
        if ends:
            assert await stream.receive(NEVER) == b""
        with pytest.raises(Expired):
            await stream.send(REQUEST, time.monotonic() + 0.1)


@pytest.mark.anyio
async def test_what_was_left_is_sent_while_more_is_received() -> None:
    """An interim answer, and a peer that goes on to take the request: it gets every byte of it, in order."""
    taken = bytearray()
    request = bytes(range(256)) * (MORE_THAN_KERNELS_HOLD // 256)

    def take_all(peer: socket.socket) -> None:
        peer.setblocking(True)
        while len(taken) < len(request) and (data := peer.recv(1 << 20)):
            taken.extend(data)
        peer.sendall(ANSWER)

    async with connected() as (stream, peer):
        peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        await stream.send(request, NEVER)
        assert await stream.receive(NEVER) == b"HTTP/1.1 100 Continue\r\n\r\n"
        taking = threading.Thread(target=take_all, args=[peer])
        taking.start()
        assert await stream.receive(NEVER) == ANSWER
        await asyncio.to_thread(taking.join)
    assert taken == request


@pytest.mark.anyio
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("by_reset", [False, True], ids=["fin", "rst"])
async def test_the_alert_of_a_server_that_wants_a_certificate_is_told(version: str, by_reset: bool) -> None:
    """In TLS 1.3 it comes after the handshake, when the request may have met a closed connection already."""
    context = await asyncio.to_thread(server_context, "host")
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    client, gone = tls_context(insecure=True), threading.Event()

    def refuse(connection: Connection) -> None:
        try:
            connection.handshake()
        except ssl.SSLError:
            connection.flush()
        if by_reset:
            reset(connection.socket)
        else:
            connection.socket.close()
        gone.set()

    async def ask(stream: Tls) -> None:
        await stream.handshake(NEVER)
        await asyncio.to_thread(gone.wait)
        await stream.send(REQUEST, NEVER)
        await stream.send(REQUEST, NEVER)
        await stream.receive(NEVER)

    async with beside_loop(tls_server(context, refuse)) as address:
        with Poller() as poller, DeadlineSweeper() as sweeper:
            deadline = sweeper.deadline()
            polled, _ = await connect(Sockets(poller), [SocketAddress(*address)], deadline, NEVER)
            with pytest.raises(FetchError) as failed:
                await ask(Tls(Plain(polled, deadline), client, "host"))
    assert failed.value.kind == "tls"
    expected = {"TLSv1_2": "sslv3 alert handshake failure", "TLSv1_3": "tlsv13 alert certificate required"}
    assert failed.value.detail == expected[version]


@pytest.mark.anyio
async def test_a_connection_that_was_reset_at_once_is_one_and_its_answer_is_there() -> None:
    """To connect a second time, and so learn of the first, would forget both."""
    with socket.create_server((LOOPBACK, 0)) as server, Poller() as poller, DeadlineSweeper() as sweeper:
        server.setblocking(False)
        address, deadline = SocketAddress(*server.getsockname()), sweeper.deadline()
        polled = begin(Sockets(poller), address)
        peer, _ = await asyncio.get_running_loop().sock_accept(server)
        peer.sendall(ANSWER)
        reset(peer)
        assert is_connected(polled)
        stream = Plain(polled, deadline)
        await stream.send(REQUEST, NEVER)
        assert await stream.receive(NEVER) == ANSWER
