"""Sockets to connect: a new one, or one that has been connected to the same address before.

A TCP socket gives its connection up, with a reset, where it is told to connect to AF_UNSPEC (connect(2)), and can then
be connected anew, from another port. So there is no file to make, to register and to close, a good part of what a
fetch costs.

That is done for one address at a time, and never to go from one host to another: the kernel goes on counting from the
last sequence number of the old connection, which its peer knows, and which nobody must guess of the next (RFC 6528).
"""

import ctypes
import socket
import struct
import sys
from typing import NamedTuple

from services.client.survey.transport.epoll import Channel, Poller

# A reset instead of an orderly end once we have the head: an orderly one would hold each local port for a minute.
ABORT = struct.pack("ii", 1, 0)
# What socket.socket is made from, without what that adds in Python and nobody here needs.
Socket = socket.SocketType
NOWHERE = struct.pack("H14x", 0)  # a sockaddr whose sa_family is AF_UNSPEC
_connect = ctypes.CDLL(None).connect  # socket.connect insists on the socket's own family
_connect.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
GIVES_UP = sys.platform == "linux"  # whether connecting to nowhere gives a connection up, as in Linux's connect(2)
NONBLOCK = getattr(socket, "SOCK_NONBLOCK", 0)  # 0 where a socket can be told so only once it is made


class SocketAddress(NamedTuple):
    """An IP address and a port."""

    ip: str
    port: int

    @property
    def family(self) -> socket.AddressFamily:
        """AF_INET6 or AF_INET."""
        return socket.AF_INET6 if ":" in self.ip else socket.AF_INET

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


class Sockets:
    """Gives out channels that wait to be connected, and takes them back: spare ones are all of the last address."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._address: SocketAddress | None = None
        self._spares: list[Channel] = []

    def take(self, address: SocketAddress) -> Channel:
        """Return a channel to connect to an address. Raises OSError."""
        if address != self._address:
            self._close_spares()
            self._address = address
        if self._spares:
            channel = self._spares.pop()
            channel.begin_again()
            return channel
        return self._poller.channel(new_socket(address.family))

    def give(self, channel: Channel, address: SocketAddress) -> None:
        """End a channel's connection to an address, and keep the channel if the next is likely to want it."""
        if GIVES_UP and address == self._address and _connect(channel.fd, NOWHERE, len(NOWHERE)) == 0:
            self._spares.append(channel)
        else:
            channel.close()

    def _close_spares(self) -> None:
        for channel in self._spares:
            channel.close()
        self._spares.clear()


def new_socket(family: socket.AddressFamily) -> socket.SocketType:
    """Return a socket that does not wait, and ends with a reset. Raises OSError."""
    made = Socket(family, socket.SOCK_STREAM | NONBLOCK)
    if not NONBLOCK:
        made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    return made
