"""A contestant: the pipeline's stages between producers and consumers on a bare `asyncio.Queue`, and nothing else.

No ledger, no end but a count: a consumer is cancelled once all items are done. It is what people write first.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from services.client.pipeline.options import Options
from services.client.pipeline.stages import Item, numbers
from services.client.pipeline.work import reply_to_number


@dataclass(slots=True)
class Count:
    """How many results there are."""

    done: int = 0


async def produce(queue: asyncio.Queue[Item], items: Iterator[Item]) -> None:
    """Put each item."""
    for item in items:
        await queue.put(item)


async def consume(queue: asyncio.Queue[Item], count: Count) -> None:
    """Do the work, until cancelled."""
    while True:
        item = await queue.get()
        result = await reply_to_number(item)
        count.done += result.ok
        queue.task_done()


async def run(items: int, options: Options) -> int:
    """Run so many items, and return how many have a result."""
    queue: asyncio.Queue[Item] = asyncio.Queue(options.queue_size)
    source, count = numbers(items), Count()
    async with asyncio.TaskGroup() as group:
        consumers = [group.create_task(consume(queue, count)) for _ in range(options.consumers)]
        async with asyncio.TaskGroup() as producers:
            for _ in range(options.producers):
                producers.create_task(produce(queue, source))
        await queue.join()
        for task in consumers:
            task.cancel()
    return count.done
