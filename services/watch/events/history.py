"""The events that pages get, in order, and the last of them: a page that was away for a moment misses nothing.

Each event has a number. Its id is START-NUMBER, where START is another one each time the server starts. A page says the
last id that it has seen (Last-Event-ID); where that event, or the one after it, is no longer here, it gets the whole
state anew. All pages read the same history at their own speed, so a slow page costs nothing.
"""

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from services.runtime.process import MIB
from services.runtime.tasks import set_within

MAX_EVENTS = 2_000
MAX_BYTES = 8 * MIB
SENT_BYTES = 256 * 1024  # in one piece, about
START_BYTES = 6


class History:
    """The last events, and the pages that look on.

    `start`: what tells this start of the server from others; `watchers`: how many pages look on; `last`: the number of
    the newest event.
    """

    def __init__(self, *, most_events: int = MAX_EVENTS, most_bytes: int = MAX_BYTES) -> None:
        self.start = secrets.token_hex(START_BYTES)
        self.watchers = 0
        self.last = 0
        self.is_closed = False
        self._most_events, self._most_bytes = most_events, most_bytes
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()
        self._watched = asyncio.Event()

    def publish(self, event: str, data: object) -> None:
        """Add an event, whose data is to be JSON."""
        self.publish_json(event, json.dumps(data).encode("ascii"))

    def publish_json(self, event: str, data: bytes) -> None:
        """Add an event; `data`: its JSON, in which no line ends."""
        self.last += 1
        frame = self.frame(event, data)
        self._frames.append(frame)
        self._bytes += len(frame)
        while len(self._frames) > self._most_events or self._bytes > self._most_bytes:
            self._bytes -= len(self._frames.popleft())
        self._wake()

    def frame(self, event: str, data: bytes) -> bytes:
        """Return an event as it is sent, with the id of the newest one."""
        return b"id: %b-%d\nevent: %b\ndata: %b\n\n" % (self.start.encode(), self.last, event.encode(), data)

    def close(self) -> None:
        """Let every stream end."""
        self.is_closed = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def number_in(self, event_id: str) -> int | None:
        """Return the number in an id, if all events after it are still here; None where the page needs the state."""
        start, _, digits = event_id.partition("-")
        if start != self.start or not (digits.isascii() and digits.isdigit() and len(digits) < 19):
            return None
        number = int(digits)
        return number if self._oldest - 1 <= number <= self.last else None

    @property
    def _oldest(self) -> int:
        return self.last - len(self._frames) + 1

    def after(self, number: int) -> tuple[bytes, int] | None:
        """Return the events after one, and the number of the last of them; None where some are no longer here.

        It returns as many as make about SENT_BYTES, and at least one where there is one.
        """
        skipped = number + 1 - self._oldest
        if skipped < 0:
            return None
        sent = bytearray()
        for index in range(skipped, len(self._frames)):
            sent += self._frames[index]
            number += 1
            if len(sent) >= SENT_BYTES:
                break
        return bytes(sent), number

    async def news(self, number: int, *, within_s: float) -> bool:
        """Wait until there is an event after this one, or until the end; return whether there is, in time."""
        if self.last == number and not self.is_closed:
            await set_within(self._changed, within_s)
        return self.last > number

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count a page that looks on while inside."""
        self.watchers += 1
        self._watched.set()
        try:
            yield
        finally:
            self.watchers -= 1
            if not self.watchers:
                self._watched.clear()

    async def watched(self) -> None:
        """Wait until a page looks on."""
        await self._watched.wait()
