"""Peers that close right after their request: for no kind of request is this an error of the site."""

import asyncio
import logging
import socket
import struct
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from tests.sites.peer import TIMEOUT_S, Peer, SecureSocket
from tests.sites.target import KEEP, sites, target_of

RESET = struct.pack("ii", 1, 0)
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"
REQUESTS = {
    "kept": "GET / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "closed": "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
    "connect": "CONNECT {host}:1 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "not HTTP": "nonsense\r\n\r\n",
    "unknown host": "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n",
    "a body that ends early": "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\nabc",
    "many": "GET / HTTP/1.1\r\nHost: {host}\r\n\r\n" * 50,
}


def ask_and_close(peer: Peer, request: bytes, how: str) -> None:
    """Connect, ask, and close without having read anything."""
    connection = peer.connect()
    plain = connection._socket if isinstance(connection, SecureSocket) else connection
    try:
        connection.sendall(request)
        if how == "reset":
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        elif how == "half, then whole":
            plain.shutdown(socket.SHUT_WR)
    finally:
        plain.close()


@pytest.mark.anyio
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("how", ["closed", "reset", "half, then whole"])
async def test_a_peer_that_closes_right_after_its_request_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str, *, secure: bool
) -> None:
    """The journal says how it ended; the log is empty; bytes that the kernel did not take do not count as sent."""
    caplog.set_level(logging.DEBUG, "services")
    async with sites({"keep.test.http": KEEP, "large.test.http": LARGE}, tmp_path) as running:
        for host in ("keep.test", "large.test"):
            peer = (await target_of(running, host, secure=secure)).peer
            for request in REQUESTS.values():
                asked = request.format(host=host).encode()
                for _again in range(5):
                    await anyio.to_thread.run_sync(ask_and_close, peer, asked, how)
        with anyio.fail_after(TIMEOUT_S):
            while running.site.connections:  # noqa: ASYNC110 - a set has no event
                await asyncio.sleep(0)
        ended = {exchange.ended for _number, exchange in running.site.journal.newest_first()}
    assert ended <= {"kept", "fin", "peer_fin", "peer_rst"}
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.INFO] == []
