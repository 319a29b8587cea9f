"""Connections from the proxy to the hosts of its directory, and to nothing else.

A connection is announced before its site can see it, so that the journal names the client and not the gateway: the
socket has its own address as soon as the system begins to connect it.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Protocol

from services.gateway.proxy.decision import Forward, Tunnel, not_in_lab
from services.gateway.proxy.directory import Directory, Link
from services.gateway.proxy.messages.request import Refused
from services.gateway.proxy.relay.stream import Stream
from services.runtime.http import Address, is_ip_address
from services.runtime.serving.listen import limit_kernel_buffers

ADDRESS_LIFE_S = 1.0  # a container that starts again may have another address
BAD_GATEWAY, GATEWAY_TIMEOUT = 502, 504


class Client(Protocol):
    """What a host's connection tells the client's. `address`: the client's own; `buffer`: what is read into."""

    address: Address
    buffer: bytearray

    def connected(self, upstream: "Upstream") -> None:
        """Bytes can be sent."""

    def send_back(self, data: bytes) -> None:
        """Bytes came."""

    def upstream_is_full(self, *, full: bool) -> None:
        """The host reads slowly, or again as fast as usual."""

    def upstream_ended(self, upstream: "Upstream") -> None:
        """A FIN came."""

    def upstream_lost(self, upstream: "Upstream", error: Exception | None) -> None:
        """The connection is gone."""


class Upstream(asyncio.BufferedProtocol):
    """One connection to a host, for one client.

    `decision`: what it was made for; `preface`: what announces the client; `is_leaving`: the next request of the client
    is for another host, and what is left of the last response is passed on before that.
    """

    def __init__(
        self, client: Client, decision: Forward | Tunnel, *, preface: bytes, forget: Callable[[], None]
    ) -> None:
        self.client = client
        self.decision = decision
        self.stream = Stream()
        self.is_leaving = False
        self._preface = preface
        self._forget = forget

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.stream.begin(transport)
        self.stream.send(self._preface)
        self.client.connected(self)

    def get_buffer(self, _sizehint: int) -> bytearray:
        """Return the buffer for the next bytes."""
        return self.client.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Pass the bytes on."""
        self.client.send_back(bytes(memoryview(self.client.buffer)[:nbytes]))

    def eof_received(self) -> bool:
        """Pass the FIN on; the other direction stays open until it ends too."""
        self.stream.has_ended = True
        self.client.upstream_ended(self)
        return True

    def pause_writing(self) -> None:
        """Read no more from the client: the host reads slowly."""
        self.client.upstream_is_full(full=True)

    def resume_writing(self) -> None:
        """Read from the client again."""
        self.client.upstream_is_full(full=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the client's connection, which knows whether this was to come."""
        self.stream.lose()
        self._forget()
        self.client.upstream_lost(self, exc)

    def leave(self) -> None:
        """End for the sake of the next host: FIN, and what is left of the response is still passed on."""
        self.is_leaving = True
        self.stream.finish()


class Dialer:
    """Connects to routes of the directory; a look-up may take `timeout_s` seconds, and a connect so many again."""

    def __init__(self, directory: Directory, *, timeout_s: float) -> None:
        self.directory = directory
        self.timeout_s = timeout_s
        self._known: dict[Address, tuple[Address, float]] = {}  # as many as the directory has routes

    async def dial(self, client: Client, decision: Forward | Tunnel) -> None:
        """Connect a client to a host. Raises Refused: the host cannot be connected to."""
        asked, route = decision.asked, decision.route
        if not await self.directory.has(asked.host):
            raise not_in_lab(asked, self.directory)
        try:
            await self._connect(client, decision)
        except TimeoutError as error:
            reason = f"{asked} did not answer within {self.timeout_s:g} s"
            raise Refused(GATEWAY_TIMEOUT, reason) from error
        except socket.gaierror as error:
            raise Refused(BAD_GATEWAY, f"{asked}: the service {route.host} has no address: is it up?") from error
        except ConnectionRefusedError as error:
            raise Refused(BAD_GATEWAY, f"{asked} refused the connection") from error
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise Refused(BAD_GATEWAY, f"{asked} cannot be connected to: {reason}") from error

    async def _connect(self, client: Client, decision: Forward | Tunnel) -> None:
        loop = asyncio.get_running_loop()
        route = decision.route
        address = route if is_ip_address(route.host) else await self._look_up(route)
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        connected = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        link: Link | None = None
        try:
            connected.setblocking(False)
            limit_kernel_buffers(connected)
            begun = connected.connect_ex(address)
            if begun not in (0, errno.EINPROGRESS):
                raise OSError(begun, os.strerror(begun))
            link = Link(decision.asked, client.address, Address(*connected.getsockname()[:2]), address)
            preface = self.directory.announce(link)
            upstream = Upstream(client, decision, preface=preface, forget=partial(self.directory.forget, link))
            if not is_connected(connected):
                async with asyncio.timeout(self.timeout_s):
                    await until_connected(loop, connected)
            await loop.create_connection(lambda: upstream, sock=connected)
        except BaseException:
            self._known.pop(route, None)
            if link:
                self.directory.forget(link)
            connected.close()
            raise

    async def _look_up(self, route: Address) -> Address:
        """Return the address of a container. Raises OSError."""
        loop = asyncio.get_running_loop()
        address, until_s = self._known.get(route, (route, 0.0))
        if loop.time() < until_s:
            return address
        async with asyncio.timeout(self.timeout_s):
            found = await loop.getaddrinfo(
                *route, family=socket.AF_INET, type=socket.SOCK_STREAM
            )  # as the lab's network
        address = Address(*found[0][4][:2])
        self._known[route] = address, loop.time() + ADDRESS_LIFE_S
        return address


def is_connected(connecting: socket.socket) -> bool:
    """Return whether a socket is connected already, as most are that connect on this machine."""
    try:
        connecting.getpeername()
    except OSError:
        return False
    return True


async def until_connected(loop: asyncio.AbstractEventLoop, connecting: socket.socket) -> None:
    """Return when a socket is connected. Raises OSError."""
    ended = loop.create_future()
    loop.add_writer(connecting, lambda: None if ended.done() else ended.set_result(None))
    try:
        await ended
    finally:
        loop.remove_writer(connecting)
    if code := connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, os.strerror(code))
