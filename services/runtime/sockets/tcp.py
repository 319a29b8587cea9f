"""What the system knows of a TCP connection that asyncio does not tell: its bytes on the way, and an end by RST."""

import fcntl
import socket
import struct
import termios

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time to linger: close sends RST


def reset_on_close(connected: socket.socket) -> None:
    """Let the socket's close send RST; bytes that are not sent are dropped then."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


def unacknowledged_bytes(connected: socket.socket) -> int:
    """Return how many sent bytes the peer's system has yet to acknowledge (SIOCOUTQ, in tcp(7))."""
    count: int = struct.unpack("i", fcntl.ioctl(connected.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
    return count
