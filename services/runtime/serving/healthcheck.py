"""The health check of containers: `python -m services.runtime.serving.healthcheck PORT [PATH [HOST]]`.

It asks for /readyz, or for PATH, at loopback, or at this machine's address that HOST is the name of.

The engine runs it every second or two beside each service, so it imports little.
"""

import socket
import sys

TIMEOUT_S = 2.0


def ready(port: int, path: str = "/readyz", host: str = "127.0.0.1") -> bool:
    """Return whether `path` on this machine's `port` answers 200, and print what it says."""
    with ask(host, port, path) as connection:
        is_ready, said = answer(connection)
    sys.stdout.write(said)
    return is_ready


def ask(host: str, port: int, path: str = "/readyz", *, timeout_s: float = TIMEOUT_S) -> socket.socket:
    """Return a connection on which `path` has been asked for. Raises OSError."""
    connection = socket.create_connection((host, port), timeout=timeout_s)
    connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode("ascii"))
    return connection


def answer(connection: socket.socket) -> tuple[bool, str]:
    """Return whether the answer is 200, and what it says. Raises OSError."""
    received = b""
    while block := connection.recv(4096):
        received += block
    head, _, body = received.partition(b"\r\n\r\n")
    return head.split(b" ", 2)[1:2] == [b"200"], body.decode("utf-8", "replace")


if __name__ == "__main__":
    try:
        sys.exit(0 if ready(int(sys.argv[1]), *sys.argv[2:4]) else 1)
    except OSError as error:
        sys.exit(f"nothing answers on port {sys.argv[1]}: {error}")
