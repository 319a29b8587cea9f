"""Servers that are no lab: each does one thing with a connection, and speaks bytes."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

TIMEOUT_S = 20

Behaviour = Callable[[socket.socket], None]


@contextmanager
def raw_server(behave: Behaviour) -> Iterator[str]:
    """Serve each connection with a behaviour in a thread, and yield the URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stopping = threading.Event()

        def serve() -> None:
            while True:
                connection, _peer = listener.accept()
                if stopping.is_set():
                    connection.close()
                    return
                connection.settimeout(TIMEOUT_S)
                with connection, suppress(OSError):  # the client may leave at any time
                    behave(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        address = listener.getsockname()
        try:
            yield f"http://127.0.0.1:{address[1]}"
        finally:
            stopping.set()
            socket.create_connection(address, TIMEOUT_S).close()
            thread.join(TIMEOUT_S)


def read_request(connection: socket.socket) -> None:
    """Read a request's head."""
    came = b""
    while b"\r\n\r\n" not in came and (piece := connection.recv(65_536)):
        came += piece


def answering(answer: bytes) -> Behaviour:
    """Return a behaviour that answers each request with these bytes and ends the connection."""

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)

    return behave


def silent(connection: socket.socket) -> None:
    """Take what comes, and answer nothing until the client leaves."""
    while connection.recv(65_536):
        pass


def dripping(connection: socket.socket) -> None:
    """Answer a field line that goes on for ever, a byte at a time."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    gone = threading.Event()
    while not gone.wait(0.02):
        connection.sendall(b"x")


def endless(connection: socket.socket) -> None:
    """Answer a body that goes on for ever, as fast as it is taken."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65_536)


def closing(connection: socket.socket) -> None:
    """End the connection at once."""
