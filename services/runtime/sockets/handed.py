"""A connection that one process hands over to another, over a Unix socket: its descriptor, and what belongs to it.

A message of SOCK_SEQPACKET is one connection (SCM_RIGHTS, in unix(7)):

    version       of the client's internet address, 4 or 6, one byte
    port          the port that the client asked for, two bytes
    ahead_bytes   how many bytes the client is sent first, two bytes
    ahead, came   these bytes, and those that the client has sent so far
"""

import errno
import os
import socket
import stat
import struct
from typing import NamedTuple

HEADER = struct.Struct("!BHH")
MAX_BYTES = 64 * 1024  # the head of a request, and what has come of its body: less than half of it
ANCILLARY_BYTES = socket.CMSG_SPACE(struct.calcsize("i"))
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
VERSIONS = {family: version for version, family in FAMILIES.items()}


class HandedConnection(NamedTuple):
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
    header = HEADER.pack(VERSIONS[connected.family], port, len(ahead))
    if len(header) + len(ahead) + len(came) > MAX_BYTES:
        raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
    socket.send_fds(channel, [header, ahead, came], [connected.fileno()])


class Receiver:
    """Receives connections; one buffer is enough for all channels of a process."""

    def __init__(self) -> None:
        self._buffer = bytearray(MAX_BYTES)

    def receive(self, channel: socket.socket) -> HandedConnection | None:
        """Return the next connection, None for a message without one. Raises EOFError and OSError."""
        size, ancillary, _flags, _peer = channel.recvmsg_into([self._buffer], ANCILLARY_BYTES)
        if not size:
            raise EOFError
        descriptor = struct.unpack("i", ancillary[0][2])[0] if ancillary else None
        if descriptor is None:  # this process may have no more files
            return None
        version, port, ahead_bytes = HEADER.unpack_from(self._buffer)
        if size < HEADER.size or version not in FAMILIES or not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return None
        connected = socket.socket(FAMILIES[version], socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=descriptor)
        connected.setblocking(False)
        data = memoryview(self._buffer)
        end = HEADER.size + ahead_bytes
        return HandedConnection(connected, port, bytes(data[HEADER.size : end]), bytes(data[end:size]))
