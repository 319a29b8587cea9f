"""A connection that one process hands over to another, over a Unix socket: its descriptor, and what belongs to it.

A message of SOCK_SEQPACKET is one connection (SCM_RIGHTS, in unix(7)):

    port          the port that the client asked for, two bytes
    ahead_bytes   how many bytes the client is sent first, two bytes
    ahead, came   these bytes, and those that the client has sent so far
"""

import contextlib
import os
import socket
import struct
from dataclasses import dataclass

HEADER = struct.Struct("!HH")
MAX_BYTES = 128 * 1024
CONNECTIONS = {(socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET6, socket.SOCK_STREAM)}


@dataclass(frozen=True, slots=True)
class HandedConnection:
    """A connection as it was received; its socket does not block."""

    connected: socket.socket
    port: int
    ahead: bytes
    came: bytes


def channel() -> socket.socket:
    """Return a socket for such messages, which does not block."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.setblocking(False)
    return made


def send_connection(channel: socket.socket, connected: socket.socket, *, port: int, ahead: bytes, came: bytes) -> None:
    """Hand a connection over; the caller still has to close its own socket. Raises OSError."""
    socket.send_fds(channel, [HEADER.pack(port, len(ahead)), ahead, came], [connected.fileno()])


def receive_connection(channel: socket.socket) -> HandedConnection | None:
    """Return the next connection, None for a message that is none. Raises EOFError and OSError."""
    data, descriptors, flags, _peer = socket.recv_fds(channel, MAX_BYTES, 1)
    if not data:
        raise EOFError
    connected = connection_of(descriptors)
    if connected is None or len(data) < HEADER.size or flags & socket.MSG_TRUNC:
        if connected:
            connected.close()
        return None
    port, ahead_bytes = HEADER.unpack_from(data)
    end = HEADER.size + ahead_bytes
    return HandedConnection(connected, port, data[HEADER.size : end], data[end:])


def connection_of(descriptors: list[int]) -> socket.socket | None:
    """Return the socket, None where there is none, as where this process may have no more files."""
    for descriptor in descriptors:
        try:
            found = socket.socket(fileno=descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.close(descriptor)
            continue
        if (found.family, found.type) in CONNECTIONS:
            found.setblocking(False)
            return found
        found.close()
    return None
