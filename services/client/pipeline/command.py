"""`client pipeline`: runs the lesson in `generator`.

Its two functions never wait, so they run in a thread of their own: meanwhile, the loop can receive a stop.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from services.client.pipeline.generator import consumer, produce
from services.client.settings import ClientSettings
from services.runtime.cli import INTERRUPTED
from services.runtime.run import Stop


@dataclass(frozen=True, slots=True)
class Options:
    """`items`: how many the producer makes."""

    items: int


async def main(options: Options, _settings: ClientSettings, stop: Stop) -> int:
    """Produce and consume; 0 when every item has its reply, 130 if a stop came first."""
    await asyncio.to_thread(produce, consumer(), numbers(options.items, stop))
    return INTERRUPTED if stop.event.is_set() else 0


def numbers(items: int, stop: Stop) -> Iterator[int]:
    """Yield 1 to `items`, and no more once a stop is asked for."""
    for n in range(1, items + 1):
        if stop.event.is_set():
            return
        yield n
