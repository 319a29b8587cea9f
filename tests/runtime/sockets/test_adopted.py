"""Connections that were accepted without asyncio: every byte comes in order, also what was read before."""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator

import anyio.to_thread
import pytest

from services.runtime.sockets.adopted import adopt, adopted

pytestmark = pytest.mark.anyio

RESET = struct.pack("ii", 1, 0)


class Heard(asyncio.Protocol):
    """Keeps what it hears. `pauses`: it does not read on after the first bytes."""

    def __init__(self, *, pauses: bool = False) -> None:
        self.events: list[bytes | str] = []
        self.ended = asyncio.Event()
        self.pauses = pauses

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.events.append("made")

    def data_received(self, data: bytes) -> None:
        self.events.append(data)
        if self.pauses:
            self.pauses = False
            self.transport.pause_reading()  # type: ignore[attr-defined]

    def eof_received(self) -> bool:
        self.events.append("eof")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append("lost")
        self.ended.set()


class Buffered(asyncio.BufferedProtocol):
    """The same, with a buffer of three bytes."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.buffer = bytearray(3)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.heard.connection_made(transport)

    def get_buffer(self, _sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.heard.data_received(bytes(self.buffer[:nbytes]))

    def eof_received(self) -> bool:
        return self.heard.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.heard.connection_lost(exc)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return a client's end of a connection, and the accepted one, which does not block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname(), timeout=20)
        connected, _peer = listening.accept()
    connected.setblocking(False)
    yield client, connected
    client.close()


async def test_what_was_read_comes_first(ends: tuple[socket.socket, socket.socket]) -> None:
    """Then what the system had already, then the end."""
    client, connected = ends
    heard = Heard()
    await anyio.to_thread.run_sync(client.sendall, b"later")
    client.shutdown(socket.SHUT_WR)
    adopt(connected, lambda: heard, came=b"first ", ahead=b"ahead")
    await heard.ended.wait()
    assert heard.events[:2] == ["made", heard.events[1]]
    assert b"".join(each for each in heard.events if isinstance(each, bytes)) == b"first later"
    assert heard.events[-2:] == ["eof", "lost"]
    assert await anyio.to_thread.run_sync(client.recv, 100) == b"ahead"


async def test_a_protocol_with_a_buffer_gets_it_in_pieces(ends: tuple[socket.socket, socket.socket]) -> None:
    """As many as it takes."""
    client, connected = ends
    protocol = Buffered()
    adopt(connected, lambda: protocol, came=b"12345678")
    await adopted()
    assert protocol.heard.events == ["made", b"123", b"456", b"78"]
    client.close()
    await protocol.heard.ended.wait()


async def test_a_protocol_can_stop_reading_at_once(ends: tuple[socket.socket, socket.socket]) -> None:
    """A pause counts from the first bytes on: uvloop forgets one that is made in `connection_made`."""
    client, connected = ends
    heard = Heard(pauses=True)
    adopt(connected, lambda: heard, came=b"first")
    await adopted()
    await anyio.to_thread.run_sync(client.sendall, b"later")
    for _round in range(20):
        await asyncio.sleep(0)
    assert heard.events == ["made", b"first"]
    heard.transport.resume_reading()  # type: ignore[attr-defined]
    client.close()
    await heard.ended.wait()
    assert heard.events == ["made", b"first", b"later", "eof", "lost"]


def leave(client: socket.socket) -> None:
    """Reset a connection."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()


@pytest.mark.parametrize("leaves", [leave, socket.socket.close], ids=["RST", "FIN"])
async def test_a_peer_that_has_left_is_no_error(
    ends: tuple[socket.socket, socket.socket], leaves: Callable[[socket.socket], None]
) -> None:
    """It is found out at once, or heard as any end."""
    client, connected = ends
    leaves(client)
    heard = Heard()
    arrived: list[str] = []
    adopt(connected, lambda: heard, came=b"first", arrived=lambda: arrived.append("arrived"))
    for _round in range(20):
        await asyncio.sleep(0)
    assert arrived == ["arrived"]
    assert heard.events in ([], ["made", b"first", "lost"], ["made", b"first", "eof", "lost"])
    assert connected.fileno() == -1
