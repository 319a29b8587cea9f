"""What answers of the admin side may cost: memory, of the site's budget, and time, of peers that read slowly.

An answer that may be large is a stream: it is written piece by piece, each once the peer has taken the one before, so
that it costs as much as its largest piece. So many streams at once as the budget has room for; the next is refused
with 503, at once. Work that takes its time gives the loop its turn, and ends once its peer has left.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import monotonic

from aiohttp import web

from services.sites.site import Site

SITE = web.AppKey("SITE", Site)
STREAM_BYTES = 512 * 1024  # the largest head, escaped and encoded, with what waits to be sent
SMALL_BYTES = 64 * 1024  # what is not larger is not asked for: health, and refusals, are always answered
WRITE_BYTES = 32 * 1024
SLICE_S = 0.005  # how long the loop may wait for its turn
JSON = {"Content-Type": "application/json; charset=utf-8"}
ESCAPED = re.compile("[\x7f-\x9f\u0100-\U0010ffff]")


class Busy(Exception):
    """The site has no memory left for another large answer."""


class TooSlow(Exception):
    """A request took longer than it may; the text says of what, and how long."""


class PeerLeft(ConnectionResetError):
    """Nothing reads the answer any more: its peer has left, or was cut off for reading too slowly."""


def encoded(data: object) -> bytes:
    """Return JSON in UTF-8. Letters of Latin-1 are as they are; control characters and all else are escaped."""
    text = json.dumps(data, ensure_ascii=False)
    return ESCAPED.sub(lambda found: json.dumps(found[0])[1:-1], text).encode()


@contextmanager
def charged(site: Site, size: int) -> Iterator[None]:
    """Have so many bytes of the site's budget while inside. Raises Busy where it has not as many."""
    pool = site.budget.answers
    if not pool.reserve(size):
        raise Busy
    try:
        yield
    finally:
        pool.release(size)


@asynccontextmanager
async def in_time(request: web.Request) -> AsyncIterator[None]:
    """Let what is inside take the time that an answer may. Past it the peer is cut off, and PeerLeft raised."""
    try:
        async with asyncio.timeout(request.app[SITE].settings.answer_timeout_s):
            yield
    except TimeoutError as error:
        if request.transport:
            request.transport.abort()
        raise PeerLeft("the answer was not taken in time") from error


class Pace:
    """Work for a request, in slices: `if pace.due: await pace.turn()`."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._until = monotonic() + SLICE_S

    @property
    def due(self) -> bool:
        """Whether the loop has waited long enough."""
        return monotonic() >= self._until

    async def turn(self) -> None:
        """Give the loop its turn. Raises PeerLeft where the answer has no reader any more."""
        await asyncio.sleep(0)
        if self._request.transport is None:
            raise PeerLeft("the peer has left")
        self._until = monotonic() + SLICE_S


async def stream(request: web.Request, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    """Answer with JSON that is made while it is read. Raises Busy where there is no room for another stream."""
    response = web.StreamResponse(headers=JSON)
    with charged(request.app[SITE], STREAM_BYTES):
        async with in_time(request):
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
    """Write a piece of a stream, and wait until the peer has room for the next. To HEAD, the head alone."""
    if not response.prepared:
        await response.prepare(request)
    if request.method != "HEAD":
        await response.write(data)


async def send(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Send a response that is whole, if it is large: within the budget and in time. Raises Busy."""
    if not isinstance(response, web.Response) or response.prepared or (response.content_length or 0) <= SMALL_BYTES:
        return response
    with charged(request.app[SITE], response.content_length or 0):
        async with in_time(request):
            await response.prepare(request)
            await response.write_eof()
    return response
