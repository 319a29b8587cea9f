"""Limits that the survey sets itself: requests a second (--rate), and requests at once to one host (--per-host).

Waiting here is not the host's fault, so it does not count against a target's deadline.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Iterable

from services.client.survey.deadlines import NEVER, Deadline, release
from services.client.survey.fetch.policy import FetchContext

CATCH_UP_S = 0.05
MIN_PAUSE_S = 0.001
IPV4_MAPPED = "::ffff:"


class RateLimiter:
    """At most `rate` requests a second, evenly spaced, for all tasks together; 0 is no limit.

    A permit is given when its time has come, first to the task that has waited longest, and never in advance. After a
    pause of this process (a stop, a busy machine) only the permits of CATCH_UP_S are made up for.
    """

    def __init__(self, rate: float) -> None:
        self._period_s = 1 / rate if rate else 0.0
        self._next_s = 0.0
        self._waiters: deque[asyncio.Future[None]] = deque()  # one whose wait has ended otherwise is passed over

    async def acquire(self, deadline: Deadline) -> float:
        """Wait for a permit, and return how many seconds that took. Raises SurveyStopped."""
        if not self._period_s:
            return 0.0
        began = time.monotonic()
        if not self._waiters and self._next_s <= began:
            self._next_s = began + self._period_s  # while no task asked, no permit was missed
            return 0.0
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        if len(self._waiters) == 1:
            self._schedule()
        await deadline.wait(waiter)
        return time.monotonic() - began

    def _schedule(self) -> None:
        pause_s = max(self._next_s - time.monotonic(), MIN_PAUSE_S)
        asyncio.get_running_loop().call_later(pause_s, self._release_due)

    def _release_due(self) -> None:
        """Release every waiter whose time has come."""
        now = time.monotonic()
        self._next_s = max(self._next_s, now - CATCH_UP_S)
        while self._waiters and self._next_s <= now:
            waiter = self._waiters.popleft()
            if not waiter.done():
                release(waiter)
                self._next_s += self._period_s
        if self._waiters:
            self._schedule()


class KeyedSemaphore:
    """A semaphore for each key: at most `limit` holders, served in the order of their requests; 0 is no limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._holders: dict[str, int] = {}  # keys without a holder are left out: never more keys than fetches
        self._waiters: dict[str, deque[asyncio.Future[None]]] = {}

    async def acquire(self, key: str, deadline: Deadline) -> float:
        """Wait until there is room, and return how many seconds that took. Raises SurveyStopped."""
        if not self.limit:
            return 0.0
        holders = self._holders.get(key, 0)
        if holders < self.limit:
            self._holders[key] = holders + 1
            return 0.0
        began = time.monotonic()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(key, deque()).append(waiter)
        try:
            await deadline.wait(waiter, NEVER)
        except BaseException:
            self._leave(key, waiter)
            raise
        return time.monotonic() - began

    def release(self, key: str) -> None:
        """Pass the permit on to the task that has waited longest, or give it back where none waits."""
        if not self.limit:
            return
        while waiters := self._waiters.get(key):
            waiter = waiters.popleft()
            if not waiters:
                del self._waiters[key]
            if not waiter.done():
                release(waiter)
                return
        if self._holders[key] == 1:
            del self._holders[key]
        else:
            self._holders[key] -= 1

    def _leave(self, key: str, waiter: "asyncio.Future[None]") -> None:
        """Take a waiter out; a permit that was granted to it in the same moment goes on to the next."""
        waiters = self._waiters.get(key)
        if waiters and waiter in waiters:
            waiters.remove(waiter)
            if not waiters:
                del self._waiters[key]
        elif waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            self.release(key)


class FetchLimits:
    """All limits of a survey. `waiting`: how many targets wait for one of them now.

    `at_once` bounds the requests to all hosts together, where more tasks run because some will wait for --per-host.
    """

    def __init__(self, *, rate: float = 0.0, per_host: int = 0, at_once: int = 0) -> None:
        self.waiting = 0
        self.are_set = bool(rate or per_host or at_once)
        # Two rates: a name that does not exist takes no permit from a request.
        self.lookup_rate, self.request_rate = RateLimiter(rate), RateLimiter(rate)
        self.hosts, self.addresses = KeyedSemaphore(per_host), KeyedSemaphore(per_host)
        self.requests = KeyedSemaphore(at_once)


class Permits:
    """The permits that one attempt holds: a context manager, which releases all of it at its end.

    Each wait puts the target's deadline off by the time that it took.
    """

    def __init__(self, limits: FetchLimits, context: FetchContext) -> None:
        self._limits, self._context = limits, context
        self._held: list[tuple[KeyedSemaphore, str]] = []

    def __enter__(self) -> "Permits":
        return self

    def __exit__(self, *_: object) -> None:
        for semaphore, key in self._held:
            semaphore.release(key)

    async def acquire_host(self, host: str) -> None:
        """Wait until the host may have one more request. Raises SurveyStopped."""
        await self._acquire(self._limits.hosts, host)

    async def acquire_lookup(self) -> None:
        """Wait until a name may be looked up. Raises SurveyStopped."""
        await self._wait(self._limits.lookup_rate.acquire(self._context.deadline))

    async def acquire_request(self, ips: Iterable[str]) -> None:
        """Wait until a request may go to one of these addresses, whichever it will be. Raises SurveyStopped."""
        # All fetches acquire addresses after the host, and in one order: no two wait for each other.
        for ip in sorted({ip.removeprefix(IPV4_MAPPED) for ip in ips}):
            await self._acquire(self._limits.addresses, ip)
        await self._acquire(self._limits.requests, "")
        # Last of all: a permit that then waited for a look-up or a semaphore would be used at once with many others.
        await self._wait(self._limits.request_rate.acquire(self._context.deadline))

    async def _acquire(self, semaphore: KeyedSemaphore, key: str) -> None:
        if semaphore.limit:
            await self._wait(semaphore.acquire(key, self._context.deadline))
            self._held.append((semaphore, key))

    async def _wait(self, acquired: Awaitable[float]) -> None:
        self._limits.waiting += 1
        try:
            self._context.until_s += await acquired
        finally:
            self._limits.waiting -= 1
