"""Two dialogues of the tutorial's pipeline, one after another and at once: nothing in them waits for input or output.

A producer and its consumer take turns in one thread. Here each of them computes for a while for every item, so that its
turns can be seen in the picture; each turn of a consumer is a phase of the trace.
"""

import time
from collections.abc import Generator, Iterator
from typing import Any

from services.client.compare.runs import Comparison, compared
from services.client.pipeline.editions.generator import consumer, produce
from services.client.trace.pieces import Ended
from services.client.trace.recorder import Recorder
from services.client.trace.recording import Recording

DIALOGUES = ("A", "B")
ITEMS = 3  # so few that each turn can be seen in 40 columns
COMPUTING_S = 0.02


class RecordedConsumer(Generator[str, int | None, None]):
    """The lesson's consumer; each of its turns is a phase of this name in the trace."""

    def __init__(self, phase: str, recorder: Recorder) -> None:
        self._consumer, self._phase, self._recorder = consumer(), phase, recorder

    def send(self, item: int | None) -> str:
        """Run the consumer until its next `yield`."""
        with self._recorder.phase(self._phase):
            if item is not None:
                compute()
            return self._consumer.send(item)

    def throw(self, *error: Any) -> str:
        """Raise an error in the consumer; `close` ends it in this way."""
        return self._consumer.throw(*error)


def compute() -> None:
    """Keep the thread busy for a while, as a computation does: no other task can run meanwhile."""
    until_s = time.perf_counter() + COMPUTING_S
    while time.perf_counter() < until_s:
        pass


def items() -> Iterator[int]:
    """Yield the items, each after some computing, which is the producer's part: it asks for the items."""
    for n in range(1, ITEMS + 1):
        compute()
        yield n


def consumer_phase(dialogue: str) -> str:
    """Return the name of the phases in which the consumer of a dialogue runs."""
    return f"{dialogue} consumer"


async def compare(*, recording: Recording | None = None) -> Comparison:
    """Run two dialogues by both lessons."""

    async def dialogue(name: str, recorder: Recorder) -> Ended:
        produce(RecordedConsumer(consumer_phase(name), recorder), items())
        return Ended("done", ok=True)

    return await compared("pipeline", dialogue, DIALOGUES, recording=recording)
