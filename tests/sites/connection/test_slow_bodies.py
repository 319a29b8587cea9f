"""Slow bodies: a request has the time of a head, and more for each byte of its body that comes."""

import asyncio
import select
import socket
from pathlib import Path
from time import monotonic

import anyio.to_thread
import pytest

from services.sites.connection.connection import Connection
from services.sites.settings import SitesSettings
from services.sites.site import Site
from tests.sites.peer import Heard, listen
from tests.sites.target import KEEP, one_site, recording_of

BEGINNING = b"POST / HTTP/1.1\r\nHost: keep.test\r\nContent-Length: 9000\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that keeps the bytes written, as sent at once."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the bytes."""
        self.written += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Keep no buffer."""

    def is_closing(self) -> bool:
        """Stay open."""
        return False


@pytest.mark.anyio
async def test_a_body_that_comes_byte_by_byte_is_cut_off(tmp_path: Path) -> None:
    """Each byte adds a thousandth of a second, so that single bytes are too slow."""
    async with one_site(tmp_path, head_timeout_s=1.5) as target:

        def ask() -> Heard:
            with target.peer.connect() as connection:
                assert isinstance(connection, socket.socket)
                connection.sendall(BEGINNING)
                for _ in range(999):
                    connection.sendall(b"x")
                    if select.select([connection], [], [], 0.02)[0]:
                        break
                return listen(connection, 1 << 62)

        heard = await anyio.to_thread.run_sync(ask)
        assert (heard.data[:12], heard.end) == (b"HTTP/1.1 408", "fin")
        assert heard.data.endswith(b"at most 1.5 seconds, and one more for every 1,000 bytes of its body\n")
        assert (await target.ended())[0]["status"] == 408


def test_a_body_that_goes_on_coming_is_given_time() -> None:
    """A second for every thousand bytes that have come: a pause may be as long as a head may take."""
    connection, wire = Connection(Site(SitesSettings(), {"keep.test": recording_of(KEEP)}), None), Wire()
    connection.connection_made(wire)
    connection.data_received(BEGINNING)
    connection.since = begun = monotonic() - 6
    connection.data_received(bytes(2000))
    assert connection.since == begun + 2
    connection.data_received(bytes(6000))
    assert begun + 6 <= connection.since <= monotonic()
    assert wire.written == b""
    connection.data_received(bytes(1000))
    assert wire.written == KEEP
