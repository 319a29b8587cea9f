"""Sockets to connect: a new one, or one that has been connected to the same address before.

A TCP socket gives its connection up, with a reset, where it is told to connect to AF_UNSPEC (connect(2)), and can then
be connected anew, from another port. So there is no file to make, to register and to close, a good part of what a
fetch costs.

That is done for one address at a time, and never to go from one host to another: the kernel goes on counting from the
last sequence number of the old connection, which its peer knows, and which must not be guessed (RFC 6528).
"""

import ctypes
import socket
import struct
import sys
from typing import NamedTuple

from services.client.survey.transport.epoll import PolledSocket, Poller

# A reset instead of an orderly end once we have the head: an orderly one would hold each local port for a minute.
ABORT = struct.pack("ii", 1, 0)
# What socket.socket is made from, without what Python adds to it, which is not needed here.
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
    """A pool of sockets to be connected: those that are idle were all connected to the same, last address."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._address: SocketAddress | None = None
        self._idle: list[PolledSocket] = []

    def acquire(self, address: SocketAddress) -> PolledSocket:
        """Return a socket to connect to an address. Raises OSError."""
        if address != self._address:
            self._close_idle()
            self._address = address
        if self._idle:
            polled = self._idle.pop()
            polled.reset()
            return polled
        return self._poller.register(new_socket(address.family))

    def release(self, polled: PolledSocket, address: SocketAddress) -> None:
        """End a socket's connection to an address, and keep the socket if the next fetch is likely to need it."""
        if GIVES_UP and address == self._address and give_up(polled.fd):
            self._idle.append(polled)
        else:
            polled.close()

    def _close_idle(self) -> None:
        for polled in self._idle:
            polled.close()
        self._idle.clear()


def give_up(fd: int) -> bool:
    """End the connection of a socket, which may then be connected anew; return whether it could."""
    return bool(_connect(fd, NOWHERE, len(NOWHERE)) == 0)


def new_socket(family: socket.AddressFamily) -> socket.SocketType:
    """Return a socket that does not wait, and ends with a reset. Raises OSError."""
    made = Socket(family, socket.SOCK_STREAM | NONBLOCK)
    if not NONBLOCK:
        made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    return made
