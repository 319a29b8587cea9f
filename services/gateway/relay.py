"""Two connections, and the bytes between them: each byte and each end of one is passed on to the other.

A FIN is passed on as a FIN once every byte before it has been sent, and the other direction stays open (a half-closed
connection, RFC 9293, section 3.6). A reset is passed on as a reset. While one peer reads slowly, the gateway stops
reading from the other, so that a relay never holds more than READ_BYTES + BUFFER_BYTES for each direction.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from services.runtime.sockets.tcp import reset_on_close

READ_BYTES = 16 * 1024
BUFFER_BYTES = 64 * 1024


class RelayConnection(asyncio.BufferedProtocol):
    """One connection of a relay. Its bytes go to `other`; they are held until that is connected.

    `transport`: None before the connection is made, and after it is lost.
    """

    other: "RelayConnection"

    def __init__(self, relay: "Relay") -> None:
        self.relay = relay
        self.transport: asyncio.Transport | None = None
        self.has_ended = False
        self.is_lost = False
        self._buffer = bytearray()
        self._early = b""

    @property
    def is_open(self) -> bool:
        """Whether it is connected and not being closed: uvloop raises an error for any use of a closing transport."""
        return self.transport is not None and not self.transport.is_closing()

    @property
    def has_early_bytes(self) -> bool:
        """Whether bytes are held until the other is connected."""
        return bool(self._early)

    @property
    def has_bytes_to_send(self) -> bool:
        """Whether bytes are still to be sent to the peer of this connection."""
        return self.transport is not None and self.transport.get_write_buffer_size() > 0

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self.transport.set_write_buffer_limits(high=BUFFER_BYTES)
        self.relay.connected(self)

    def get_buffer(self, _sizehint: int) -> bytearray:
        """Return the buffer for the next bytes."""
        self._buffer = self._buffer or bytearray(READ_BYTES)
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Pass the bytes on, or hold them until the other is connected."""
        self.relay.received(self)
        data = bytes(memoryview(self._buffer)[:nbytes])
        if self.other.transport and self.other.is_open:
            self.other.transport.write(data)
        elif self.transport and self.relay.is_connecting:
            self._early += data
            self.transport.pause_reading()  # not in connection_made: some loops ignore it there

    def eof_received(self) -> bool:
        """Pass the FIN on; the other direction stays open until it ends too."""
        self.has_ended = True
        self.relay.received(self)
        if self.other.transport and self.other.is_open:
            self.other.transport.write_eof()
        if self.other.has_ended:
            self.relay.close()
        return True

    def pause_writing(self) -> None:
        """Stop reading from the other: this peer reads slowly."""
        if self.other.transport and self.other.is_open and not self.other.has_ended:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read from the other again."""
        self.other.start_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Reset the other, unless this connection was closed in order."""
        self.transport, self.is_lost = None, True
        if exc is not None or not self.relay.is_closing:
            self.other.reset()
        self.relay.end_if_lost()

    # What the relay calls

    def begin(self) -> None:
        """Pass on the bytes held, and read on; the other is connected now."""
        if self.other.transport and self._early:
            self.other.transport.write(self._early)
            self._early = b""
        if self.other.transport and self.has_ended:
            self.other.transport.write_eof()
        self.start_reading()

    def start_reading(self) -> None:
        """Read on, unless the peer has ended its direction."""
        if self.transport and self.is_open and not self.has_ended:
            self.transport.resume_reading()

    def reset(self) -> None:
        """End the connection with RST; bytes that are not sent are dropped."""
        if self.transport:
            reset_on_close(self.transport.get_extra_info("socket"))
            self.transport.abort()


class Relay:
    """A client's connection, and one to the target.

    `on_client` is called when the client is connected, and has to connect `to_target` or call `refuse`; `on_end` is
    called when both connections are lost.

    `since`: when a byte or a FIN came last, in seconds of the loop's clock; `is_connecting`: whether `to_target` is
    still to be connected.
    """

    def __init__(self, on_client: Callable[["Relay"], object], on_end: Callable[["Relay"], object]) -> None:
        self.to_client, self.to_target = RelayConnection(self), RelayConnection(self)
        self.to_client.other, self.to_target.other = self.to_target, self.to_client
        self.since = asyncio.get_running_loop().time()
        self.is_connecting = True
        self.is_closing = False
        self._awaits_answer = False
        self._on_client, self._on_end = on_client, on_end

    def connected(self, connection: RelayConnection) -> None:
        """Ask for the target's connection; or, once that is made, begin to pass bytes on, if the client is there."""
        if connection is self.to_client:
            self._on_client(self)
        elif self.to_client.is_lost:
            self.refuse()
        else:
            self.is_connecting = False
            self.to_client.begin()
            self.to_target.begin()

    def refuse(self) -> None:
        """Reset the client: there is no connection to the target for it."""
        self.is_connecting = False
        self.reset()
        self.end_if_lost()

    def received(self, connection: RelayConnection) -> None:
        """Note that a byte or a FIN came."""
        self.since = asyncio.get_running_loop().time()
        self._awaits_answer = connection is self.to_client

    def is_quiet(self, *, since: float) -> bool:
        """Return whether no answer is due: the target sent last, its bytes are passed on, and none came after `since`.

        `since`: in seconds of the loop's clock.
        """
        moving = self.is_connecting or self.to_client.has_bytes_to_send or self.to_target.has_bytes_to_send
        return not (moving or self._awaits_answer) and self.since <= since

    def close(self) -> None:
        """End both connections, each with a FIN once all its bytes are sent."""
        self.is_closing = True
        for connection in (self.to_client, self.to_target):
            if connection.transport:
                connection.transport.close()

    def reset(self) -> None:
        """End both connections with RST."""
        self.to_client.reset()
        self.to_target.reset()

    def end_if_lost(self) -> None:
        """Call `on_end` if both connections are lost and none is to come."""
        if not (self.is_connecting or self.to_client.transport or self.to_target.transport):
            self._on_end(self)
