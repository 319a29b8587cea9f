"""Politeness: how many requests a second, and how many at once to one host.

Waiting here is not the host's fault, so it does not count against a target's deadline.
"""

import asyncio
import time
from collections import deque

from services.client.wget.watch import NEVER, Watch, release


class Pace:
    """At most `rate` turns a second, evenly, however many ask; 0 is no limit."""

    def __init__(self, rate: float) -> None:
        self._period_s = 1 / rate if rate else 0.0
        self._next_s = 0.0
        self.is_limited = rate > 0

    async def turn(self, watch: Watch) -> float:
        """Wait for a turn, and return how long that took."""
        if not self._period_s:
            return 0.0
        now = time.monotonic()
        mine_s = max(now, self._next_s)
        self._next_s = mine_s + self._period_s
        if mine_s > now:
            await watch.sleep(mine_s - now)
        return mine_s - now


class Places:
    """At most `limit` holders of each key; 0 is no limit. Who waits is served in order, key by key."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._taken: dict[str, int] = {}  # keys without a holder are left out, so this is never larger than the survey
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def take(self, key: str, watch: Watch) -> float:
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
