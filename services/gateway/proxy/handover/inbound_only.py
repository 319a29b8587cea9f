"""A filter that keeps the sockets of clients from connecting to anything, in whichever process they are.

A connection that is handed over to a site belongs to the gateway's network all the same. A program that takes over the
site could end it (connect(2), AF_UNSPEC) and connect the same socket to the host. So the listening socket has a filter
(SO_ATTACH_FILTER, in socket(7)), which is locked and which each accepted socket inherits: it drops every segment that
has both SYN and ACK. Without one, no socket is ever connected to a listener.
"""

import array
import socket
import struct

SO_ATTACH_FILTER, SO_LOCK_FILTER = 26, 44
INSTRUCTIONS = (  # classic BPF, over a TCP segment
    (0x30, 0, 0, 13),  # load the byte of the flags
    (0x54, 0, 0, 0x12),  # SYN and ACK of it
    (0x15, 0, 1, 0x12),  # are both set?
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # take
)


def make_inbound_only(bound: socket.socket) -> None:
    """Filter what a listening socket accepts, for good. Raises OSError where the system has no such filter."""
    program = array.array("B", b"".join(struct.pack("HBBI", *each) for each in INSTRUCTIONS))
    where, _size = program.buffer_info()
    bound.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(INSTRUCTIONS), where))
    bound.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 1)


def has_filter() -> bool:
    """Return whether this program may have such a filter: some systems ask for CAP_NET_ADMIN."""
    try:
        with socket.socket() as tried:
            make_inbound_only(tried)
    except OSError:
        return False
    return True
