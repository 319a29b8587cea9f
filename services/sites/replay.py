"""Replay: who is connected, and what they get.

A raw protocol and not a web framework, since a framework rewrites heads. A connection is in one state at a time, and
each state but the last has a deadline, which the site's own sweep enforces: one timer for all, whatever their number.

    READING  until a request head is whole     408 if a part of one came too slowly, else closed quietly
    IDLE     between two requests              closed quietly
    WRITING  until the peer takes the answer   cut off
    LINGER   after our end of the stream       cut off; closing at once could destroy what the peer has yet to read
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import cast

from services.runtime.serve import BACKLOG, Address, bound_address, listening
from services.sites.recording import Recording
from services.sites.request import Refused, Request, RequestReader
from services.sites.settings import SitesSettings

SWEEP_S = 0.25
LINGER_S = 2.0
REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    421: "Misdirected Request",
    431: "Request Header Fields Too Large",
}


class State(Enum):
    """What a connection waits for."""

    READING = auto()
    IDLE = auto()
    WRITING = auto()
    LINGER = auto()


AWAITING = {State.READING, State.IDLE}


class Site:
    """What all connections share: the recordings, the settings, the tally of outcomes."""

    def __init__(self, recordings: Mapping[str, Recording], settings: SitesSettings) -> None:
        self.recordings = recordings
        self.settings = settings
        self.connections: set[Connection] = set()
        self.tally: Counter[tuple[str, str]] = Counter()
        self.accepted = 0
        self.draining = False
        self._only = next(iter(recordings.values())) if len(recordings) == 1 else None

    def recording_for(self, request: Request) -> Recording:
        """Return what answers this request; raise Refused (421) where no recording does."""
        recording = self._only if request.host is None else self.recordings.get(request.host)
        if recording is None:
            raise Refused(421, f"this lab has no such site; it knows {known(self.recordings)}")
        return recording

    def sweep(self, now: float) -> None:
        """End every connection whose state has lasted too long."""
        for connection in [each for each in self.connections if each.deadline <= now]:
            connection.expire()


def known(recordings: Mapping[str, Recording], *, most: int = 10) -> str:
    """Return the names of the sites, not more than fit in a line."""
    names = sorted(recordings)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def error_response(status: int, reason: str) -> bytes:
    """Return a whole response that says in one line why there is no other."""
    body = f"{reason}\n".encode("latin-1", "replace")
    head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode("latin-1") + body


class Connection(asyncio.Protocol):
    """One connection to a site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.reader = RequestReader()
        self.loop = asyncio.get_running_loop()
        self.peer_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read."""
        self.transport = cast("asyncio.Transport", transport)
        self.site.connections.add(self)
        self.site.accepted += 1
        self.enter(State.READING, self.site.settings.head_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.site.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Take what the peer sent; whatever comes after our end of the stream is dropped."""
        if self.state is not State.LINGER:
            self.reader.feed(data)
            self.answer_all()

    def eof_received(self) -> bool:
        """Stay open for answers that are still owed to a peer which has only ended its own side."""
        self.peer_ended = True
        return self.state is State.WRITING

    def pause_writing(self) -> None:
        """Stop reading while the peer does not take its answers."""
        self.enter(State.WRITING, self.site.settings.write_timeout_s)
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on where `pause_writing` stopped."""
        self.transport.resume_reading()
        if self.state is State.LINGER:
            self.enter(State.LINGER, LINGER_S)
            return
        self.expect_request()
        self.answer_all()
        if self.peer_ended:
            self.finish()

    def answer_all(self) -> None:
        """Answer each whole request that has come, in order (pipelining: RFC 9112, section 9.3.2)."""
        try:
            while self.state in AWAITING and (request := self.reader.next_request()):
                self.answer(request)
        except Refused as refused:
            self.refuse(refused)
        if self.state is State.IDLE and self.reader:
            self.expect_request()

    def answer(self, request: Request) -> None:
        """Send the recording, and keep the connection or end it as both heads say."""
        recording = self.site.recording_for(request)
        self.site.tally[recording.host, "answered"] += 1
        keep = recording.persistent and request.persistent and not (request.has_body or self.site.draining)
        if keep:
            self.expect_request()  # before the write, which may put the connection into WRITING
        self.transport.write(recording.head if request.method == b"HEAD" else recording.head + recording.body)
        if not keep:
            self.finish()

    def refuse(self, refused: Refused) -> None:
        """Say why there is no recording, and end the connection."""
        self.site.tally["", str(refused.status)] += 1
        self.transport.write(error_response(refused.status, refused.reason))
        self.finish()

    def expect_request(self) -> None:
        """Wait for a request: the rest of one that has begun, or the first byte of the next."""
        if self.reader:
            self.enter(State.READING, self.site.settings.head_timeout_s)
        else:
            self.enter(State.IDLE, self.site.settings.idle_timeout_s)

    def finish(self) -> None:
        """End our side of the stream, after what is written; the peer ends the other."""
        unsent = self.transport.get_write_buffer_size()
        self.enter(State.LINGER, self.site.settings.write_timeout_s if unsent else LINGER_S)
        if self.peer_ended:
            self.transport.close()
        elif not self.transport.is_closing():
            self.transport.write_eof()

    def expire(self) -> None:
        """Act on a deadline that has passed."""
        if self.state is State.READING and self.reader:
            self.refuse(Refused(408, f"a request head takes at most {self.site.settings.head_timeout_s:g} seconds"))
        elif self.state in AWAITING:
            self.transport.close()
        else:
            self.site.tally["", "cut_off"] += self.state is State.WRITING
            self.transport.abort()

    def drain(self) -> None:
        """End the connection, unless an answer is on its way."""
        if self.state in AWAITING:
            self.transport.close()

    def enter(self, state: State, timeout_s: float) -> None:
        """Change the state, and with it the deadline."""
        self.state = state
        self.deadline = self.loop.time() + timeout_s


@asynccontextmanager
async def serve_site(site: Site, where: Address) -> AsyncIterator[Address]:
    """Answer on `where` and yield the address it got; on the way out, drain for `drain_s` seconds at most."""
    loop = asyncio.get_running_loop()
    bound = listening(where)
    server = await loop.create_server(lambda: Connection(site), sock=bound, backlog=BACKLOG)
    sweeping = asyncio.ensure_future(sweep_for_ever(site))
    try:
        yield bound_address(bound)
    finally:
        site.draining = True
        server.close()
        await drain(site)
        sweeping.cancel()


async def sweep_for_ever(site: Site) -> None:
    """Enforce deadlines, every SWEEP_S seconds."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_S)
        site.sweep(loop.time())


async def drain(site: Site) -> None:
    """Wait until every answer has been taken, then cut off who is left."""
    loop = asyncio.get_running_loop()
    last = loop.time() + site.settings.drain_s
    for connection in list(site.connections):
        connection.drain()
    while site.connections and loop.time() < last:  # noqa: ASYNC110 - the last one gone is not worth an event each
        await asyncio.sleep(0.02)
    for connection in list(site.connections):
        connection.transport.abort()
    await asyncio.sleep(0)
