"""Two dialogues of the tutorial's pipeline, one after another and at once. They never wait for anything but each other.

A producer and its consumer take turns in one thread. Each is made to compute for a while for every item, so that its
turns can be seen; each turn of a consumer is a phase of the recording.
"""

import time
from collections.abc import Generator, Iterator
from typing import Any

from services.client.compare.runs import Comparison, compared
from services.client.pipeline.generator import consumer, produce
from services.client.trace.recorder import Recorder

DIALOGUES = ("A", "B")
ITEMS = 3  # so few that each turn can be seen in 40 columns
COMPUTING_S = 0.02


class Turns(Generator[str, int | None, None]):
    """A consumer whose every turn is recorded under its name."""

    def __init__(self, turn: str, recorder: Recorder) -> None:
        self._consumer, self._turn, self._recorder = consumer(), turn, recorder

    def send(self, item: int | None) -> str:
        """Let the consumer have its turn."""
        with self._recorder.phase(self._turn):
            if item is not None:
                compute()
            return self._consumer.send(item)

    def throw(self, *error: Any) -> str:
        """Let the consumer end, as `close` does."""
        return self._consumer.throw(*error)


def compute() -> None:
    """Keep the thread for a while, as computing does: no other task can run meanwhile."""
    until_s = time.perf_counter() + COMPUTING_S
    while time.perf_counter() < until_s:
        pass


def items() -> Iterator[int]:
    """Give the items, each after some computing: the producer's, who asks for them."""
    for n in range(1, ITEMS + 1):
        compute()
        yield n


def turn_of(dialogue: str) -> str:
    """Return the name of the phases in which a dialogue's consumer has its turn."""
    return f"{dialogue} consumer"


async def compare() -> Comparison:
    """Let two dialogues be held by both lessons."""

    async def dialogue(name: str, recorder: Recorder) -> bool:
        produce(Turns(turn_of(name), recorder), items())
        return True

    return await compared("pipeline", dialogue, DIALOGUES)
