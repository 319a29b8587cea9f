"""A client under test that is as small as can be: it sends a request over a socket and returns all that comes."""

import socket
from urllib.parse import urlsplit

TIMEOUT_S = 20


def fetch(url: str, *, host: str, target: str = "/", fields: str = "", method: str = "GET", body: bytes = b"") -> bytes:
    """Return what a server answers until it ends the connection; what came before a reset, where it resets it."""
    parts = urlsplit(url)
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    request = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{fields}{length}\r\n".encode() + body
    with socket.create_connection((parts.hostname or "", parts.port or 80), TIMEOUT_S) as connection:
        connection.sendall(request)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """Return what comes until the end or a reset."""
    came = bytearray()
    try:
        while piece := connection.recv(65_536):
            came += piece
    except ConnectionResetError:
        pass
    return bytes(came)


def status_line(answer: bytes) -> bytes:
    """Return the first line of an answer."""
    return answer.partition(b"\r\n")[0]
