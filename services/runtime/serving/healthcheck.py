"""The health check of containers: `python -m services.runtime.serving.healthcheck PORT [PATH [HOST]]`.

It asks for /readyz, or for PATH, at loopback, or at this machine's address that HOST is the name of.

The engine runs it every second or two beside each service, so it imports little.
"""

import socket
import sys

TIMEOUT_S = 2.0


def ready(port: int, path: str = "/readyz", host: str = "127.0.0.1") -> bool:
    """Return whether `path` on this machine's `port` answers 200."""
    with socket.create_connection((host, port), timeout=TIMEOUT_S) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode("ascii"))
        answer = b""
        while block := connection.recv(4096):
            answer += block
    head, _, body = answer.partition(b"\r\n\r\n")
    sys.stdout.write(body.decode("utf-8", "replace"))
    return head.split(b" ", 2)[1:2] == [b"200"]


if __name__ == "__main__":
    try:
        sys.exit(0 if ready(int(sys.argv[1]), *sys.argv[2:4]) else 1)
    except OSError as error:
        sys.exit(f"nothing answers on port {sys.argv[1]}: {error}")
