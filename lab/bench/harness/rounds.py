"""Whose turn it is: A B C, A B C, A B C, and never A A A, B B B.

A machine is not the same from one minute to the next. In turns, whatever changes meets every contestant.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

Measured = TypeVar("Measured")
Say = Callable[[str], None]


class Plan(NamedTuple):
    """How much is measured: `rounds` of each, `seconds` a turn where a turn's length can be chosen."""

    rounds: int
    seconds: float
    targets: int
    users: tuple[int, ...]
    stalled: int = 10_000
    requests: int = 1_000_000

    def in_turns(self) -> str:
        """Return in words how often everybody has a turn."""
        return f"{self.rounds} rounds in turns" if self.rounds > 1 else "one round, which says nothing of spread"


USUAL = Plan(rounds=3, seconds=2.0, targets=60_000, users=(1_000, 10_000))
QUICK = Plan(rounds=1, seconds=0.5, targets=500, users=(100,), stalled=200, requests=20_000)


def interleaved(
    contestants: Sequence[tuple[str, Callable[[], Measured]]], rounds: int, say: Say = lambda _: None
) -> dict[str, list[Measured]]:
    """Let each contestant have its turn, `rounds` times over, and return what was measured of each."""
    measured: dict[str, list[Measured]] = {name: [] for name, _ in contestants}
    for number in range(1, rounds + 1):
        for name, turn in contestants:
            say(f"round {number} of {rounds}: {name}")
            measured[name].append(turn())
    return measured
