"""Deadlines without a timer each: one watch a worker, and one watchman who looks at them all.

A survey has a wait for every phase of every fetch, nearly all of which end well before their deadline. A timer for
each would be made only to be cancelled. Here a wait is a few assignments, and the watchman ends, at most SWEEP_S late,
those whose time has come: by an exception in the future that is waited for.

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
    """What was waited for did not come before its deadline."""


class SurveyStopped(Exception):
    """The survey is over: nothing is waited for any more."""


class Deadline:
    """Over what one worker waits for: `waiter`, no longer than until `at_s`. `late_s` is when it was last found late.

    What has come is taken, however late we are ourselves. But who was late has no more to wait for: otherwise a peer
    that drips fast enough, so that something has always just come when the watchman looks, would never end.
    """

    __slots__ = ("at_s", "late_s", "waiter")

    def __init__(self) -> None:
        self.at_s = NEVER
        self.late_s = 0.0
        self.waiter: asyncio.Future[object] | None = None

    async def wait(self, waiter: "asyncio.Future[T]", until_s: float = NEVER) -> T:
        """Return the result of a future that is this worker's alone. Raises Expired or CutOff."""
        self.at_s = until_s
        self.waiter = waiter  # type: ignore[assignment] # only its `done` and `set_exception` are used
        if until_s <= self.late_s:
            self.end(self.late_s)
        try:
            return await waiter
        finally:
            self.waiter = None

    def end(self, late_s: float) -> None:
        """End what is waited for, late since then, or because the survey is over (NEVER)."""
        self.late_s = late_s
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(SurveyStopped() if late_s == NEVER else Expired())

    async def sleep(self, seconds: float) -> None:
        """Wait that long. Raises CutOff."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, release, waiter)
        try:
            await self.wait(waiter)
        finally:
            timer.cancel()


def release(waiter: "asyncio.Future[None]") -> None:
    """Let whoever waits go on."""
    if not waiter.done():
        waiter.set_result(None)


class DeadlineSweeper:
    """Ends the waits whose deadline has passed and, after `cut_off`, all of them. `also` is called at each sweep."""

    def __init__(self, also: Callable[[], object] = int) -> None:
        self._also = also
        self._watches: list[Deadline] = []
        self._cut_at_s = NEVER
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> "DeadlineSweeper":
        self._arm()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer:
            self._timer.cancel()

    def watch(self) -> Deadline:
        """Return a watch for a new worker."""
        self._watches.append(Deadline())
        return self._watches[-1]

    def cut_off(self, after_s: float) -> None:
        """End every wait that lasts longer than that, from now on."""
        self._cut_at_s = min(self._cut_at_s, time.monotonic() + after_s)

    def _arm(self) -> None:
        # Ten thousand watches take a millisecond to look at: then four times as rarely.
        pause_s = SWEEP_S if len(self._watches) <= 1_000 else 4 * SWEEP_S
        self._timer = asyncio.get_running_loop().call_later(pause_s, self._sweep)

    def _sweep(self) -> None:
        self._arm()
        now = time.monotonic()
        is_over = now >= self._cut_at_s
        for watch in self._watches:
            if watch.waiter is not None and (is_over or watch.at_s <= now):
                watch.end(NEVER if is_over else now)
        self._also()
