"""Connections that the lab's gateway makes for its clients: which client each one is for.

The gateway sends a line of the PROXY protocol, version 1, ahead of the client's bytes. A site takes it from the
addresses of one name, the gateway's, and from no other: there it is a bad request, as any bytes that are no HTTP. The
line is taken off before the connection begins, so that what a site does is the same with and without it; the journal
has the client's address.
"""

import asyncio
import contextlib
import re
import socket
from collections.abc import Callable
from typing import cast

from services.runtime.errors import NoThread
from services.runtime.http import is_ip_address
from services.runtime.tasks import run_in_daemon_thread
from services.sites.connection.exchanges import ends_of, peer_of
from services.sites.site import Site

LINE = re.compile(rb"PROXY TCP[46] ([0-9a-fA-F.:]{2,45}) [0-9a-fA-F.:]{2,45} ([0-9]{1,5}) [0-9]{1,5}\r\n")
BEGINNING = b"PROXY TCP"
MAX_LINE_BYTES = 107  # with CR LF: the PROXY protocol, section 2.1

MakeProtocol = Callable[[], asyncio.Protocol]


class Gateway:
    """The addresses of a name, as they were when it was last looked up."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.addresses: frozenset[str] = frozenset()

    async def look_up(self) -> None:
        """Look the name up; a name that is not there has no addresses."""
        found: list[str] = []
        with contextlib.suppress(OSError, NoThread):
            found = await run_in_daemon_thread(lambda: addresses_of(self.name))
        self.addresses = frozenset(found)

    async def look_up_for_ever(self, every_s: float) -> None:
        """Look the name up again and again: a container that starts again may have another address."""
        while True:
            await self.look_up()
            await asyncio.sleep(every_s)


def addresses_of(name: str) -> list[str]:
    """Return the addresses of a name. Raises OSError."""
    return [str(each[4][0]) for each in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]


class RelayedProtocol(asyncio.Protocol):
    """A connection that may come from the gateway: `make` makes the protocol that it is for."""

    __slots__ = ("_came", "_gateway", "_make", "_site", "_timer", "_transport")
    _transport: asyncio.Transport

    def __init__(self, site: Site, gateway: Gateway, make: MakeProtocol) -> None:
        self._site, self._gateway, self._make = site, gateway, make
        self._came = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the line, where the peer is the gateway."""
        self._transport = cast("asyncio.Transport", transport)
        if peer_of(transport).rpartition(":")[0] in self._gateway.addresses:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._site.settings.head_timeout_s, self._transport.abort)
        else:
            self._begin()

    def data_received(self, data: bytes) -> None:
        """Take the line off; a connection without one is the gateway's own."""
        self._came += data
        line, newline, rest = self._came.partition(b"\r\n")
        if newline:
            found = LINE.fullmatch(line + newline)
            client = client_in(found) if found else ""
            self._begin(rest if client else self._came, client=client)
        elif len(line) >= MAX_LINE_BYTES or not line.startswith(BEGINNING[: len(line)]):
            self._begin(self._came)

    def eof_received(self) -> bool:
        """Begin all the same: what came is not a line."""
        protocol = self._begin(self._came)
        return bool(protocol.eof_received())

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, which had no bytes that a site answers."""
        self._stop_waiting()

    def _begin(self, came: bytes = b"", *, client: str = "") -> asyncio.Protocol:
        self._stop_waiting()
        protocol, transport = self._make(), self._transport
        transport.set_protocol(protocol)
        ends = ends_of(transport)
        if client:
            self._site.relayed[ends] = client
        try:
            protocol.connection_made(transport)
        finally:
            self._site.relayed.pop(ends, None)
        if came and not transport.is_closing():
            protocol.data_received(came)
        return protocol

    def _stop_waiting(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


def client_in(line: re.Match[bytes]) -> str:
    """Return the client's address and port; nothing where they are none."""
    host, port = line[1].decode(), int(line[2])
    return f"{host}:{port}" if is_ip_address(host) and port <= 65535 else ""
