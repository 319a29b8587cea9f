"""The editions that need one process, beside a bare `asyncio.Queue`, an anyio memory stream, and aiostream's map.

All of them make the same items and the same results, with as many producers and consumers and a queue of the same
size. The editions also keep their ledger; a peer only counts. Nothing is written: these are costs of the concurrency.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from lab.bench.harness.figures import Goal, Group, Row
from lab.bench.harness.peers import Package
from lab.bench.harness.processes import cost_of
from lab.bench.harness.rounds import Rounds, Say, interleaved
from lab.bench.pipeline.sample import Sample, read_sample

LOOPS = ("uvloop", "asyncio")
TIMEOUT_S = 300.0
GENERATOR, QUEUE, BARE = "services.client, generator", "services.client, queue", "bare asyncio.Queue"
RATIO = 0.9
HELD_BY = "the ledger that is kept of each item (row generator: the ledger without a queue)"


ANYIO, AIOSTREAM = Package("anyio", "anyio"), Package("aiostream", "aiostream")
PEERS = (ANYIO, AIOSTREAM)


class Contestant(NamedTuple):
    """One that makes items: as `program` knows it; what it needs; how many times fewer items it has, as it is slow."""

    name: str
    needs: Package | None = None
    fewer: int = 1


CONTESTANTS: dict[str, Contestant] = {
    GENERATOR: Contestant("generator"),
    QUEUE: Contestant("queue"),
    BARE: Contestant("bare"),
    "anyio memory stream": Contestant("anyio", ANYIO, 4),
    "aiostream map": Contestant("aiostream", AIOSTREAM, 10),
}


def measure(rounds: Rounds, say: Say) -> list[Group]:
    """Return items a second and processor time an item, a group for each loop."""
    turns = [
        (f"{subject}, {loop}", partial(turn, each.name, loop, max(1, rounds.items // each.fewer)))
        for loop in LOOPS
        for subject, each in present().items()
    ]
    measured = interleaved(turns, rounds.number, say)
    return [group for loop in LOOPS for group in groups(loop, measured)]


def present() -> dict[str, Contestant]:
    """Return the contestants that can run here, by what the table calls them."""
    return {subject: each for subject, each in CONTESTANTS.items() if each.needs is None or each.needs.is_here}


def turn(name: str, loop: str, items: int) -> Sample:
    """Run one contestant in a process, and return what it measured of itself."""
    command = [sys.executable, "-m", "lab.bench.pipeline.program", name, "--loop", loop, "-n", str(items)]
    return read_sample(name, cost_of(name, command, timeout_s=TIMEOUT_S).out, items)


def groups(loop: str, measured: dict[str, list[Sample]]) -> Iterator[Group]:
    """Yield the figures on one loop; those of processor time hold on a machine that is busy, too."""
    title = f"pipeline in one process, {loop}"

    def rows(figure: Callable[[Sample], float]) -> tuple[Row, ...]:
        return tuple(
            Row(subject, tuple(map(figure, measured[f"{subject}, {loop}"])), ours=subject.startswith("services."))
            for subject in present()
        )

    goal, by_cost = (Goal(QUEUE, ratio, BARE, HELD_BY, GENERATOR) for ratio in (RATIO, round(1 / RATIO, 2)))
    yield Group(title, "items/s", rows(lambda sample: sample.items_per_s), BARE, goals=(goal,))
    yield Group(
        f"{title}: what an item costs",
        "processor us",
        rows(lambda sample: sample.cpu_us),
        BARE,
        higher_is_better=False,
        goals=(by_cost,),
    )


def method(rounds: Rounds) -> tuple[str, ...]:
    """Return how it was measured."""
    return (
        f"in one process: {rounds.items:,} numbers, {rounds.in_turns()}; a process each, its first tenth unmeasured",
        "1 producer, 4 consumers, a queue of 100 (generator: none of them); no output; editions keep their ledger",
        "anyio's stream has a quarter of the items, aiostream's map a tenth: both are slower",
    )
