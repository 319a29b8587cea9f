"""Sockets that are connected again, instead of a new one for each fetch.

A TCP socket gives its connection up, with a reset, where it is told to connect to AF_UNSPEC (connect(2)), and can then
be connected anew, from another port. So there is no file to make, to register and to close, a good part of what a
fetch costs.

That is done for one address at a time, and never to go from one host to another: the kernel goes on counting from the
last sequence number of the old connection, which its peer knows, and which nobody must guess of the next (RFC 6528).
"""

import ctypes
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.client.wget.connect import Address
    from services.client.wget.poll import Channel

NOWHERE = struct.pack("H14x", 0)  # a sockaddr whose sa_family is AF_UNSPEC
_connect = ctypes.CDLL(None).connect  # socket.connect insists on the socket's own family
_connect.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)


class Spares:
    """Channels without a connection, all of the address that was asked for last."""

    def __init__(self) -> None:
        self._address: Address | None = None
        self._channels: list[Channel] = []

    def take(self, address: "Address") -> "Channel | None":
        """Return a channel to connect to an address, if there is one; those of any other address are closed."""
        if address != self._address:
            self.close()
            self._address = address
        if not self._channels:
            return None
        channel = self._channels.pop()
        channel.begin_again()
        return channel

    def give(self, channel: "Channel", address: "Address") -> None:
        """End a channel's connection to an address, and keep the channel if the next is likely to want it."""
        if address == self._address and _connect(channel.fd, NOWHERE, len(NOWHERE)) == 0:
            self._channels.append(channel)
        else:
            channel.close()

    def close(self) -> None:
        """Close all."""
        for channel in self._channels:
            channel.close()
        self._channels.clear()
