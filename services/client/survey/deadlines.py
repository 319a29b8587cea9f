"""Deadlines without a timer each: one `Deadline` a task, and one sweeper that looks at all of them.

A survey has a wait for every phase of every fetch, and nearly all of them end well before their deadline. A timer for
each would be made only to be cancelled. Here a wait is a few assignments. The sweeper ends the waits whose time has
come, at most SWEEP_S late, by an exception in the future that is waited for.

Times are `time.monotonic()`: the loop's own clock stands still within an iteration (uvloop).
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")
SWEEP_S = 0.025
NEVER: Final = float("inf")


class Expired(Exception):
    """A wait reached its deadline."""


class SurveyStopped(Exception):
    """The survey is over: nothing is waited for any more."""


class Deadline:
    """The deadline of what one task waits for now: `waiter` ends at `at_s`. `late_s`: when it was last found late.

    What has come is taken, even after the deadline: this process may be late itself. But after that no further wait
    is allowed. Otherwise a peer that drips fast enough, so that something has just come at each sweep, would never end.
    """

    __slots__ = ("at_s", "late_s", "waiter")

    def __init__(self) -> None:
        self.at_s = NEVER
        self.late_s = 0.0
        self.waiter: asyncio.Future[object] | None = None

    async def wait(self, waiter: "asyncio.Future[T]", until_s: float = NEVER) -> T:
        """Return the result of a future that belongs to this task alone. Raises Expired or SurveyStopped."""
        self.at_s = until_s
        self.waiter = waiter  # type: ignore[assignment] # only its `done` and `set_exception` are used
        if until_s <= self.late_s:
            self.end(self.late_s)
        try:
            return await waiter
        finally:
            self.waiter = None

    def end(self, late_s: float) -> None:
        """End the wait: it was found late at `late_s`, or the survey is over (NEVER)."""
        self.late_s = late_s
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(SurveyStopped() if late_s == NEVER else Expired())

    async def sleep(self, seconds: float) -> None:
        """Wait that long. Raises SurveyStopped."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, release, waiter)
        try:
            await self.wait(waiter)
        finally:
            timer.cancel()


def release(waiter: "asyncio.Future[None]") -> None:
    """Set the result of a future, unless its wait has ended already."""
    if not waiter.done():
        waiter.set_result(None)


class DeadlineSweeper:
    """Ends the waits whose deadline has passed and, after `stop_after`, all waits. `also` is called at each sweep."""

    def __init__(self, also: Callable[[], object] = int) -> None:
        self._also = also
        self._deadlines: list[Deadline] = []
        self._stop_at_s = NEVER
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> "DeadlineSweeper":
        self._arm()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer:
            self._timer.cancel()

    def deadline(self) -> Deadline:
        """Return the deadline of a new task; it is swept from now on."""
        self._deadlines.append(Deadline())
        return self._deadlines[-1]

    def stop_after(self, seconds: float) -> None:
        """End every wait that lasts longer than that, from now on, and every wait that begins later."""
        self._stop_at_s = min(self._stop_at_s, time.monotonic() + seconds)

    def _arm(self) -> None:
        # A sweep of ten thousand deadlines takes a millisecond: then four times as rarely.
        pause_s = SWEEP_S if len(self._deadlines) <= 1_000 else 4 * SWEEP_S
        self._timer = asyncio.get_running_loop().call_later(pause_s, self._sweep)

    def _sweep(self) -> None:
        self._arm()
        now = time.monotonic()
        is_over = now >= self._stop_at_s
        for deadline in self._deadlines:
            if deadline.waiter is not None and (is_over or deadline.at_s <= now):
                deadline.end(NEVER if is_over else now)
        self._also()
