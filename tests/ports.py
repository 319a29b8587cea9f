"""Ports of loopback that no other program gets while a test uses them."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_port(port: int = 0) -> Iterator[int]:
    """Yield a port at which nothing listens; a server that a test starts can listen there. `port`: which, 0 for any.

    A port that is only looked up may be another's a moment later: the system gives it to any connection that is opened.
    On Linux a socket that has the port, and does not listen, keeps it, and lets in a server that sets SO_REUSEADDR, as
    servers do. Elsewhere it would keep out that server too, so there the port is only looked up.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port))
        found: int = holder.getsockname()[1]
        if sys.platform != "linux":
            holder.close()
        yield found
