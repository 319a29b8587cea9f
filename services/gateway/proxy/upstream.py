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
from typing import Protocol, cast

from services.gateway.proxy.decision import Forward, Tunnel
from services.gateway.proxy.directory import Directory
from services.gateway.proxy.request import Refused
from services.gateway.proxy.settings import BUFFER_BYTES
from services.runtime.http import Address, is_ip_address
from services.runtime.serving.listen import limit_kernel_buffers
from services.runtime.serving.tcp import reset_on_close

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

    `decision`: what it was made for; `preface`: what announces the client; `has_ended`: its FIN came; `is_finished`:
    our FIN is sent; `is_leaving`: the next request of the client is for another host, and what is left of the last
    response is passed on before that.
    """

    def __init__(
        self, client: Client, decision: Forward | Tunnel, *, preface: bytes, forget: Callable[[], None]
    ) -> None:
        self.client = client
        self.decision = decision
        self._forget = forget
        self.transport: asyncio.Transport | None = None
        self.has_ended = self.is_finished = self.is_leaving = False
        self._preface = preface

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self.transport.set_write_buffer_limits(high=BUFFER_BYTES)
        self.client.connected(self)

    def get_buffer(self, _sizehint: int) -> bytearray:
        """Return the buffer for the next bytes."""
        return self.client.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Pass the bytes on."""
        self.client.send_back(bytes(memoryview(self.client.buffer)[:nbytes]))

    def eof_received(self) -> bool:
        """Pass the FIN on; the other direction stays open until it ends too."""
        self.has_ended = True
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
        self.transport = None
        self._forget()
        self.client.upstream_lost(self, exc)

    @property
    def is_open(self) -> bool:
        """Whether it is connected and not being closed: uvloop raises an error for any use of a closing transport."""
        return self.transport is not None and not self.transport.is_closing()

    @property
    def has_bytes_to_send(self) -> bool:
        """Whether the host has yet to take bytes."""
        return self.transport is not None and self.transport.get_write_buffer_size() > 0

    def send(self, data: bytes) -> None:
        """Send bytes; the first come after what announces the client."""
        if self.transport and self.is_open and not self.is_finished:
            self.transport.write(self._preface + data if self._preface else data)
            self._preface = b""

    def finish(self) -> None:
        """Send FIN after all bytes."""
        if self.transport and self.is_open and not self.is_finished:
            self.send(b"")
            self.is_finished = True
            self.transport.write_eof()

    def set_reading(self, *, on: bool) -> None:
        """Read on, or not; what has ended has no more to read."""
        if self.transport and self.is_open and not self.has_ended:
            if on:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    def close(self) -> None:
        """End the connection with FIN once its bytes are sent."""
        if self.transport:
            self.transport.close()

    def reset(self) -> None:
        """End the connection with RST; bytes that are not sent are dropped."""
        if self.transport:
            reset_on_close(self.transport.get_extra_info("socket"))
            self.transport.abort()


class Dialer:
    """Connects to routes of the directory; look-up and connect together may take `timeout_s` seconds."""

    def __init__(self, directory: Directory, *, timeout_s: float) -> None:
        self.directory = directory
        self.timeout_s = timeout_s
        self._known: dict[Address, tuple[Address, float]] = {}  # as many as the directory has routes

    async def dial(self, client: Client, decision: Forward | Tunnel) -> None:
        """Connect a client to a host. Raises Refused: the host cannot be connected to."""
        asked, route = decision.asked, decision.route
        try:
            async with asyncio.timeout(self.timeout_s):
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
        local: Address | None = None
        try:
            connected.setblocking(False)
            limit_kernel_buffers(connected)
            begun = connected.connect_ex(address)
            if begun not in (0, errno.EINPROGRESS):
                raise OSError(begun, os.strerror(begun))
            local = Address(*connected.getsockname()[:2])
            preface = self.directory.announce(decision.asked, local, client.address)
            upstream = Upstream(client, decision, preface=preface, forget=partial(self.directory.forget, local))
            if not is_connected(connected):
                await until_connected(loop, connected)
            await loop.create_connection(lambda: upstream, sock=connected)
        except BaseException:
            self._known.pop(route, None)
            if local:
                self.directory.forget(local)
            connected.close()
            raise

    async def _look_up(self, route: Address) -> Address:
        """Return the address of a container. Raises OSError."""
        loop = asyncio.get_running_loop()
        address, until_s = self._known.get(route, (route, 0.0))
        if loop.time() < until_s:
            return address
        found = await loop.getaddrinfo(*route, type=socket.SOCK_STREAM)
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
