"""How long it takes to record one slice, here and now. It is measured when a recording has ended.

While a program runs, it cannot be measured: to read the clock is most of what it takes.
"""

from collections.abc import Callable, Coroutine, Generator
from time import perf_counter
from types import coroutine
from typing import Any

SENDS = 1_000
ROUNDS = 3

Work = Coroutine[Any, Any, None]


def cost_s(recorded: Callable[[Work], Work]) -> float:
    """Return by how many seconds a coroutine goes on later if it is recorded: the least of a few measurements."""
    plain_s, recorded_s = (min(took_s(wrap(waits())) for _ in range(ROUNDS)) for wrap in (lambda work: work, recorded))
    return max(0.0, recorded_s - plain_s) / SENDS


async def waits() -> None:
    """Wait for another turn, again and again."""
    for _ in range(SENDS):
        await turn()


@coroutine
def turn() -> Generator[None, None, None]:
    """Wait for another turn."""
    yield


def took_s(work: Work) -> float:
    """Run a coroutine to its end, and return how long that took."""
    began_s = perf_counter()
    try:
        while True:
            work.send(None)
    except StopIteration:
        return perf_counter() - began_s
