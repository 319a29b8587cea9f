"""Measures in turns: A B C, A B C, A B C, and never A A A, B B B, C C C.

The speed of a machine changes from one minute to the next. In turns, each change meets every contestant.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

Measured = TypeVar("Measured")
Say = Callable[[str], None]


class Rounds(NamedTuple):
    """How much is measured: `number` rounds of each, `seconds` a turn where a turn's length can be chosen.

    `warm_up_s`: how long each server is loaded before its first turn. `timeout_s`: how long a host that drips is waited
    for. `containers`: whether what runs in containers is measured, too.
    """

    number: int
    seconds: float
    targets: int
    users: tuple[int, ...]
    hosts: int = 2_000
    stalled: int = 10_000
    requests: int = 1_000_000
    items: int = 100_000
    jobs: int = 2_000
    workers: tuple[int, ...] = (1, 2, 4, 8)
    warm_up_s: float = 0.2
    timeout_s: int = 4
    containers: bool = True

    @property
    def is_short(self) -> bool:
        """Whether less is measured than in a full run."""
        return self.targets < FULL.targets

    def in_turns(self) -> str:
        """Return in words how many rounds there are."""
        return f"{self.number} rounds in turns" if self.number > 1 else "one round, which says nothing of spread"


FULL = Rounds(number=3, seconds=1.5, targets=40_000, users=(1_000, 10_000))
QUICK = Rounds(
    number=1,
    seconds=0.15,
    targets=500,
    users=(100,),
    hosts=100,
    stalled=200,
    requests=20_000,
    items=5_000,
    jobs=160,
    workers=(1, 2),
    warm_up_s=0.05,
    timeout_s=2,
    containers=False,
)
IN_QUICK = "--quick leaves out what runs in containers"


def interleaved(
    contestants: Sequence[tuple[str, Callable[[], Measured]]], rounds: int, say: Say = lambda _: None
) -> dict[str, list[Measured]]:
    """Measure each contestant once a round, and return the values of each."""
    measured: dict[str, list[Measured]] = {name: [] for name, _ in contestants}
    for number in range(1, rounds + 1):
        for name, turn in contestants:
            say(f"round {number} of {rounds}: {name}")
            measured[name].append(turn())
    return measured
