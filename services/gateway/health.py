"""The gateway's health check: /healthz and /readyz answer 200 while the gateway accepts connections.

They say nothing of the target, which has its own health check. The server listens inside the container only, and
answers one request for each connection, without a library.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from services.runtime.http import Address
from services.runtime.serving.listen import bind_socket, bound_address

HEAD_BYTES = 4096
TIMEOUT_S = 2.0
MAX_AT_ONCE = 16


class Health:
    """Answers MAX_AT_ONCE requests at a time; further connections are closed."""

    def __init__(self) -> None:
        self._at_once = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, or close the connection of a client that sends none in time."""
        self._at_once += 1
        try:
            if self._at_once <= MAX_AT_ONCE:
                async with asyncio.timeout(TIMEOUT_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(response_to(head))
                    await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass  # no complete request, or no client any more
        finally:
            self._at_once -= 1
            writer.close()


def response_to(head: bytes) -> bytes:
    """Return the response to a request."""
    method, _, rest = head.partition(b" ")
    if method == b"GET" and rest.partition(b" ")[0] in {b"/healthz", b"/readyz"}:
        return response(HTTPStatus.OK, "ok")
    return response(HTTPStatus.NOT_FOUND, "GET /healthz or /readyz")


def response(status: HTTPStatus, text: str) -> bytes:
    """Return a response of one line."""
    body = f"{text}\n".encode()
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


@asynccontextmanager
async def health_served(where: Address) -> AsyncIterator[Address]:
    """Answer health checks while inside, and yield the address. Raises PortUnavailable."""
    bound = bind_socket(where)
    try:
        server = await asyncio.start_server(Health().answer, sock=bound, limit=HEAD_BYTES)
        try:
            yield bound_address(bound)
        finally:
            server.close()
    finally:
        bound.close()
