"""Politeness: how many requests a second, and how many at once to one host.

Waiting here is not the host's fault, so it does not count against a target's deadline.
"""

import asyncio
import time
from collections import deque

from services.client.survey.deadlines import NEVER, Deadline, release

CATCH_UP_S = 0.05
LEAST_PAUSE_S = 0.001


class RateLimiter:
    """At most `rate` turns a second, evenly, however many ask; 0 is no limit.

    A turn is given when its time has come, first to the task that has waited longest, and never promised ahead. After a
    pause of this process (a stop, a busy machine) only the turns of CATCH_UP_S are made up for.
    """

    def __init__(self, rate: float) -> None:
        self._period_s = 1 / rate if rate else 0.0
        self._next_s = 0.0
        self._line: deque[asyncio.Future[None]] = deque()  # one whose wait has ended otherwise is passed over

    async def turn(self, watch: Deadline) -> float:
        """Wait for a turn, and return how many seconds that took. Raises CutOff."""
        if not self._period_s:
            return 0.0
        began = time.monotonic()
        if not self._line and self._next_s <= began:
            self._next_s = began + self._period_s  # while no task asked, no turn was missed
            return 0.0
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        if len(self._line) == 1:
            self._give_later()
        await watch.wait(turn)
        return time.monotonic() - began

    def _give_later(self) -> None:
        pause_s = max(self._next_s - time.monotonic(), LEAST_PAUSE_S)
        asyncio.get_running_loop().call_later(pause_s, self._give)

    def _give(self) -> None:
        """Give every turn whose time has come."""
        now = time.monotonic()
        self._next_s = max(self._next_s, now - CATCH_UP_S)
        while self._line and self._next_s <= now:
            turn = self._line.popleft()
            if not turn.done():
                release(turn)
                self._next_s += self._period_s
        if self._line:
            self._give_later()


class KeyedSemaphore:
    """At most `limit` holders of each key; 0 is no limit. Who waits is served in order, key by key."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._taken: dict[str, int] = {}  # keys without a holder are left out, so this is never larger than the survey
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def take(self, key: str, watch: Deadline) -> float:
        """Wait for a place, and return how long that took; `give` it back."""
        if not self.limit:
            return 0.0
        taken = self._taken.get(key, 0)
        if taken < self.limit:
            self._taken[key] = taken + 1
            return 0.0
        began = time.monotonic()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(place)
        try:
            await watch.wait(place, NEVER)
        except BaseException:
            self._leave(key, place)
            raise
        return time.monotonic() - began

    def give(self, key: str) -> None:
        """Give a place back: to whoever has waited longest, if anybody has."""
        if not self.limit:
            return
        while line := self._waiting.get(key):
            place = line.popleft()
            if not line:
                del self._waiting[key]
            if not place.done():
                release(place)
                return
        if self._taken[key] == 1:
            del self._taken[key]
        else:
            self._taken[key] -= 1

    def _leave(self, key: str, place: "asyncio.Future[None]") -> None:
        """Leave the line; a place that was granted in the same moment goes on to the next."""
        line = self._waiting.get(key)
        if line and place in line:
            line.remove(place)
            if not line:
                del self._waiting[key]
        elif place.done() and not place.cancelled() and place.exception() is None:
            self.give(key)
