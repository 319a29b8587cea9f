"""`GET /api/events`: the stream of server-sent events (HTML, section 9.2) that a page reads.

It begins with an event `state`, the whole of what a page has to know, unless the page names an event after which all
are still here. Where nothing happens, a comment line says every now and then that the server is there.
"""

from collections.abc import Callable
from contextlib import suppress

from aiohttp import web

from services.watch.events.history import History
from services.watch.responses import Refused

MAX_STREAMS = 32
BEAT = b": nothing new\n\n"
FIELDS = {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}

HISTORY = web.AppKey("HISTORY", History)
StateJson = Callable[[], bytes]
STATE: web.AppKey[StateJson] = web.AppKey("STATE")
BEAT_S = web.AppKey("BEAT_S", float)


async def events(request: web.Request) -> web.StreamResponse:
    """Send events until the page has left or the server stops. Raises Refused."""
    history = request.app[HISTORY]
    if history.watchers >= MAX_STREAMS:
        raise Refused(503, f"{MAX_STREAMS} pages look on already: close one")
    response = web.StreamResponse(headers=FIELDS)
    with history.watching(), suppress(ConnectionResetError):  # the page has left
        await response.prepare(request)
        if request.method != "HEAD":
            await send_events(request, response, history.number_in(request.headers.get("Last-Event-ID", "")))
    return response


async def send_events(request: web.Request, response: web.StreamResponse, number: int | None) -> None:
    """Send what happens after the event of this number; None: begin with the state."""
    history, beat_s = request.app[HISTORY], request.app[BEAT_S]
    while not history.is_closed:
        found = None if number is None else history.after(number)
        if found is None:
            number = history.last
            await response.write(history.frame("state", request.app[STATE]()))
            continue
        frames, number = found
        if frames:
            await response.write(frames)
        elif not await history.news(number, within_s=beat_s):
            await response.write(BEAT)
