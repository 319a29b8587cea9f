"""A contestant: aiostream's nearest to the pipeline, a map over the items with as many tasks as there are consumers.

aiostream has no queue to bound: its map takes an item when a task is free.
"""

from aiostream import stream
from aiostream.core import Stream

from services.client.pipeline.options import Options
from services.client.pipeline.stages import Item, Result, numbers
from services.client.pipeline.work import reply_to_number


async def work(item: Item, *_more: Item) -> Result:
    """Do the work; aiostream may give it an item of each of several streams."""
    return await reply_to_number(item)


async def run(items: int, options: Options) -> int:
    """Run so many items, and return how many have a result."""
    done = 0
    results: Stream[Result] = stream.map(
        stream.iterate(numbers(items)), work, ordered=False, task_limit=options.consumers
    )
    async with results.stream() as streamer:
        async for result in streamer:
            done += result.ok
    return done
