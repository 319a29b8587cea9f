"""The limits of the admin API's answers: memory from the site's budget, and time for peers that read slowly.

An answer that may be large is a stream. Each piece is written when the peer has taken the one before, so the stream
costs as much memory as its largest piece. The budget limits how many streams there are at once; the next one is refused
with 503. Long work runs in time slices, between which the loop can do other work, and ends if its peer has left.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import monotonic

from aiohttp import web

from services.runtime.serving.memory_pool import PoolExhausted
from services.sites.site import Site

SITE = web.AppKey("SITE", Site)
STREAM_BYTES = 512 * 1024  # the largest head, escaped and encoded, with what waits to be sent
SMALL_BYTES = 64 * 1024  # smaller answers take nothing from the budget: health and refusals are always answered
WRITE_BYTES = 32 * 1024
SLICE_S = 0.005  # how long the loop may be blocked
JSON = {"Content-Type": "application/json; charset=utf-8"}
ESCAPED = re.compile("[\x7f-\x9f\u0100-\U0010ffff]")


class Busy(Exception):
    """The site has no memory left for another large answer."""


class TooSlow(Exception):
    """A request took too long. The text says what took so long, and the limit."""


class PeerLeft(ConnectionResetError):
    """The peer of an answer has left, or its connection was aborted because it read too slowly."""


def encoded(data: object) -> bytes:
    """Return JSON in UTF-8. Printable characters of Latin-1 are kept; control characters and all others are escaped."""
    text = json.dumps(data, ensure_ascii=False)
    return ESCAPED.sub(lambda found: json.dumps(found[0])[1:-1], text).encode()


@contextmanager
def reserved(site: Site, size: int) -> Iterator[None]:
    """Take so many bytes of the site's budget while inside. Raises Busy if it has fewer."""
    try:
        with site.budget.answers.reserved(size):
            yield
    except PoolExhausted as error:
        raise Busy from error


@asynccontextmanager
async def answer_deadline(request: web.Request) -> AsyncIterator[None]:
    """Limit the time of the code inside. After it, the peer's connection is aborted, and PeerLeft is raised."""
    try:
        async with asyncio.timeout(request.app[SITE].settings.answer_timeout_s):
            yield
    except TimeoutError as error:
        if request.transport:
            request.transport.abort()
        raise PeerLeft("the answer was not taken in time") from error


class TimeSlice:
    """Lets long work for a request yield to the loop: `if time_slice.is_over: await time_slice.renew()`."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._until = monotonic() + SLICE_S

    @property
    def is_over(self) -> bool:
        """Whether it is time to yield to the loop."""
        return monotonic() >= self._until

    async def renew(self) -> None:
        """Yield to the loop, and begin the next slice. Raises PeerLeft if the peer has left."""
        await asyncio.sleep(0)
        if self._request.transport is None:
            raise PeerLeft("the peer has left")
        self._until = monotonic() + SLICE_S


async def stream(request: web.Request, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    """Answer with JSON that is made while the peer reads. Raises Busy if the budget has no room for another stream."""
    response = web.StreamResponse(headers=JSON)
    with reserved(request.app[SITE], STREAM_BYTES):
        async with answer_deadline(request):
            waiting = bytearray()
            async for piece in pieces:
                waiting += piece
                while len(waiting) >= WRITE_BYTES:
                    await write(response, request, bytes(waiting[:WRITE_BYTES]))
                    del waiting[:WRITE_BYTES]
            await write(response, request, bytes(waiting))
            await response.write_eof()
    return response


async def write(response: web.StreamResponse, request: web.Request, data: bytes) -> None:
    """Write a piece of a stream, and wait until the peer can take the next one. A HEAD request gets the head alone."""
    if not response.prepared:
        await response.prepare(request)
    if request.method != "HEAD":
        await response.write(data)


async def send(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Send a complete response, if it is large, within the budget and the deadline. Raises Busy."""
    if not isinstance(response, web.Response) or response.prepared or (response.content_length or 0) <= SMALL_BYTES:
        return response
    with reserved(request.app[SITE], response.content_length or 0):
        async with answer_deadline(request):
            await response.prepare(request)
            await response.write_eof()
    return response
