"""What the engine asks of the gateway: /healthz, whether it runs, and /readyz, whether its target can be reached.

It listens inside the container alone, and answers one request a connection: small enough to need no library.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from services.gateway.acceptor import Acceptor
from services.runtime.listen import Address, bound_address, listening

HEAD_BYTES = 4096
TIMEOUT_S = 2.0
MOST_AT_ONCE = 16


class Health:
    """Answers questions about an acceptor, MOST_AT_ONCE at a time."""

    def __init__(self, acceptor: Acceptor) -> None:
        self.acceptor = acceptor
        self._at_once = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, or close the connection of a peer that sends none in time."""
        self._at_once += 1
        try:
            if self._at_once <= MOST_AT_ONCE:
                async with asyncio.timeout(TIMEOUT_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(await self.response_to(head))
                    await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass  # there is nobody to answer
        finally:
            self._at_once -= 1
            writer.close()

    async def response_to(self, head: bytes) -> bytes:
        """Return the whole response to a request."""
        method, _, rest = head.partition(b" ")
        target = rest.partition(b" ")[0]
        if method != b"GET" or target not in {b"/healthz", b"/readyz"}:
            return response(HTTPStatus.NOT_FOUND, "GET /healthz or /readyz")
        trouble = await self.acceptor.check() if target == b"/readyz" else ""
        return response(HTTPStatus.SERVICE_UNAVAILABLE, trouble) if trouble else response(HTTPStatus.OK, "ok")


def response(status: HTTPStatus, text: str) -> bytes:
    """Return a response of one line."""
    body = f"{text}\n".encode()
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


@asynccontextmanager
async def health_served(acceptor: Acceptor, where: Address) -> AsyncIterator[Address]:
    """Answer while inside, and yield the address. Raises PortUnavailable."""
    bound = listening(where)
    try:
        server = await asyncio.start_server(Health(acceptor).answer, sock=bound, limit=HEAD_BYTES)
        try:
            yield bound_address(bound)
        finally:
            server.close()
    finally:
        bound.close()
