"""Connections that were accepted without asyncio, and from which bytes were read: they get transport and protocol.

`loop.connect_accepted_socket` makes the transport. It is a coroutine that waits for one future, which the loop resolves
after `connection_made`; so its two steps are made here, and no connection costs a task.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import cast

MakeProtocol = Callable[[], asyncio.BaseProtocol]

ROUNDS = 3  # of the loop, until an adopted connection has its protocol


def nothing() -> None:
    """Do nothing."""


def adopt(
    connected: socket.socket,
    make: MakeProtocol,
    *,
    came: bytes = b"",
    ahead: bytes = b"",
    arrived: Callable[[], None] = nothing,
) -> None:
    """Serve a connection by the protocol that `make` makes. It reads `came` first, and the peer gets `ahead` first.

    The socket, which does not block, belongs to its transport from now on. A peer that resets the connection in the
    loop's next two rounds was never there: no protocol is made for it. `arrived` is called in either case, right before
    the protocol is made or when none will be.
    """
    loop = asyncio.get_running_loop()
    steps = loop.connect_accepted_socket(lambda: AdoptedProtocol(make, came, ahead, arrived), connected)
    Opening(steps, connected, arrived).go_on()


async def adopted() -> None:
    """Return when all connections that were adopted before have their protocols."""
    for _round in range(ROUNDS):
        await asyncio.sleep(0)


class Opening:
    """The coroutine of `connect_accepted_socket`, a step at a time."""

    __slots__ = ("_arrived", "_connected", "_steps")

    def __init__(
        self,
        steps: Coroutine[asyncio.Future[None], None, object],
        connected: socket.socket,
        arrived: Callable[[], None],
    ) -> None:
        self._steps = steps
        self._connected = connected
        self._arrived = arrived

    def go_on(self, _resolved: asyncio.Future[None] | None = None) -> None:
        """Make the next step, and the one after it when what it waits for is there."""
        try:
            waiting = self._steps.send(None)
        except StopIteration:
            return
        except OSError:  # the peer has left
            self._connected.close()
            self._arrived()
            return
        waiting._asyncio_future_blocking = False
        waiting.add_done_callback(self.go_on)


class AdoptedProtocol(asyncio.Protocol):
    """The protocol of a connection until the transport reads: only then can another one make it pause."""

    __slots__ = ("_ahead", "_arrived", "_came", "_has_ended", "_make", "_transport")
    _transport: asyncio.Transport

    def __init__(self, make: MakeProtocol, came: bytes, ahead: bytes, arrived: Callable[[], None]) -> None:
        self._make = make
        self._arrived = arrived
        self._came, self._ahead = came, ahead
        self._has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a round of the loop."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        asyncio.get_running_loop().call_soon(self._begin)

    def data_received(self, data: bytes) -> None:
        """Keep what came meanwhile."""
        self._came += data

    def eof_received(self) -> bool:
        """Keep that, too."""
        self._has_ended = True
        return True

    def _begin(self) -> None:
        """Let the connection's own protocol begin; an error of it ends the connection, as everywhere in asyncio."""
        self._arrived()
        if self._transport.is_closing():
            return
        try:
            self._pass_on(self._make())
        except Exception as error:
            self._transport.abort()
            if not isinstance(error, OSError):
                raise

    def _pass_on(self, protocol: asyncio.BaseProtocol) -> None:
        """Let a protocol have the connection, and all that has come."""
        transport = self._transport
        transport.set_protocol(protocol)
        if self._ahead:
            transport.write(self._ahead)
        protocol.connection_made(transport)
        feed(protocol, self._came, transport)
        if self._has_ended and not transport.is_closing() and not end_of(protocol):
            transport.close()


def feed(protocol: asyncio.BaseProtocol, data: bytes, transport: asyncio.Transport) -> None:
    """Let a protocol receive bytes, as from its transport."""
    if isinstance(protocol, asyncio.BufferedProtocol):
        left = memoryview(data)
        while left and not transport.is_closing():
            buffer = memoryview(protocol.get_buffer(len(left)))
            taken = min(len(buffer), len(left))
            buffer[:taken] = left[:taken]
            protocol.buffer_updated(taken)
            left = left[taken:]
    elif data and not transport.is_closing():
        cast("asyncio.Protocol", protocol).data_received(data)


def end_of(protocol: asyncio.BaseProtocol) -> bool:
    """Let a protocol receive the end of the stream; return whether the connection stays open."""
    return bool(cast("asyncio.Protocol | asyncio.BufferedProtocol", protocol).eof_received())
