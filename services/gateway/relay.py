"""Two connections, and the bytes between them: what comes in on one goes out on the other, and so does its end.

A FIN is passed on as a FIN once every byte before it has been sent, and the other direction stays open (a half-closed
connection, RFC 9293, section 3.6). A reset is passed on as a reset. An end that takes its bytes slowly stops the
reading from the other one, so that a connection never holds more than READ_BYTES + BUFFER_BYTES each way.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

READ_BYTES = 16 * 1024
BUFFER_BYTES = 64 * 1024
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time to linger: close sends RST


class End(asyncio.BufferedProtocol):
    """One connection of a relay; `other` is where its bytes go.

    `transport`: None until it is made, and again once it is lost. What comes before the other end is connected is held.
    """

    other: "End"

    def __init__(self, relay: "Relay") -> None:
        self.relay = relay
        self.transport: asyncio.Transport | None = None
        self.has_ended = False
        self.is_lost = False
        self._buffer = bytearray()
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self.transport.set_write_buffer_limits(high=BUFFER_BYTES)
        self.relay.connected(self)

    @property
    def is_open(self) -> bool:
        """Whether there is a connection that is not being closed: uvloop refuses to do anything with another."""
        return self.transport is not None and not self.transport.is_closing()

    def get_buffer(self, _sizehint: int) -> bytearray:
        """Return where the next bytes go."""
        self._buffer = self._buffer or bytearray(READ_BYTES)
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Pass bytes on."""
        self.relay.moved(self)
        data = bytes(memoryview(self._buffer)[:nbytes])
        if self.other.transport and self.other.is_open:
            self.other.transport.write(data)
        elif self.transport and self.relay.is_connecting:
            self._early += data
            self.transport.pause_reading()  # not sooner: some loops forget it if it is said when a connection is made

    def eof_received(self) -> bool:
        """Pass the FIN on; the other direction stays open until it ends too."""
        self.has_ended = True
        self.relay.moved(self)
        if self.other.transport and self.other.is_open:
            self.other.transport.write_eof()
        if self.other.has_ended:
            self.relay.close()
        return True

    def begin(self) -> None:
        """Pass on what came before the other end was connected, and read on."""
        if self.other.transport and self._early:
            self.other.transport.write(self._early)
            self._early = b""
        if self.other.transport and self.has_ended:
            self.other.transport.write_eof()
        self.start_reading()

    def pause_writing(self) -> None:
        """This end takes its bytes slowly: read no more of them from the other."""
        if self.other.transport and self.other.is_open and not self.other.has_ended:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """This end has taken most of its bytes."""
        self.other.start_reading()

    @property
    def has_early_bytes(self) -> bool:
        """Whether bytes came that wait for the other end to be connected."""
        return bool(self._early)

    def start_reading(self) -> None:
        """Read from now on; what has ended has nothing more to read."""
        if self.transport and self.is_open and not self.has_ended:
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on a reset, or what else ended the connection ahead of its time."""
        self.transport, self.is_lost = None, True
        if exc is not None or not self.relay.is_closing:
            self.other.reset()
        self.relay.end()

    def reset(self) -> None:
        """End the connection by a reset, whatever was still to be sent."""
        if self.transport:
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.transport.abort()

    @property
    def has_bytes_to_send(self) -> bool:
        """Whether bytes wait for this end to take them."""
        return self.transport is not None and self.transport.get_write_buffer_size() > 0


class Relay:
    """`near` is the connection of a peer, `far` the one to the target.

    `accepted` is called when there is a peer, and has to see to `far`; `ended` when both are gone.

    `since`: when a byte came last, in seconds of the loop's clock; `is_connecting`: whether `far` is still to come.
    """

    def __init__(self, accepted: Callable[["Relay"], object], ended: Callable[["Relay"], object]) -> None:
        self.near, self.far = End(self), End(self)
        self.near.other, self.far.other = self.far, self.near
        self.since = asyncio.get_running_loop().time()
        self.is_connecting = True
        self.is_closing = False
        self._awaits_answer = False
        self._accepted, self._ended = accepted, ended

    def connected(self, end: End) -> None:
        """Move bytes from now on, if both ends are connected; if the peer has gone meanwhile, reset the other."""
        if end is self.near:
            self._accepted(self)
        elif self.near.is_lost:
            self.give_up()
        else:
            self.is_connecting = False
            self.near.begin()
            self.far.begin()

    def give_up(self) -> None:
        """End: there will be no connection to the target."""
        self.is_connecting = False
        self.reset()
        self.end()

    def moved(self, end: End) -> None:
        """Take note that something came from an end."""
        self.since = asyncio.get_running_loop().time()
        self._awaits_answer = end is self.near

    def is_quiet(self, *, since: float) -> bool:
        """Return whether the target spoke last, its bytes are sent, and nothing has come since: no answer is due."""
        moving = self.is_connecting or self.near.has_bytes_to_send or self.far.has_bytes_to_send
        return not (moving or self._awaits_answer) and self.since <= since

    def close(self) -> None:
        """End both connections, each by a FIN once all its bytes are sent."""
        self.is_closing = True
        for end in (self.near, self.far):
            if end.transport:
                end.transport.close()

    def reset(self) -> None:
        """End both connections at once."""
        self.near.reset()
        self.far.reset()

    def end(self) -> None:
        """Say that the relay has ended, if it has."""
        if not (self.is_connecting or self.near.transport or self.far.transport):
            self._ended(self)
