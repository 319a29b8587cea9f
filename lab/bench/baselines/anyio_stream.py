"""A contestant: the pipeline's stages between producers and consumers on an anyio memory stream of the same size."""

from collections.abc import Iterator
from dataclasses import dataclass

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from services.client.pipeline.options import Options
from services.client.pipeline.stages import Item, numbers
from services.client.pipeline.work import reply_to_number


@dataclass(slots=True)
class Count:
    """How many results there are."""

    done: int = 0


async def produce(stream: MemoryObjectSendStream[Item], items: Iterator[Item]) -> None:
    """Send each item, and close this end of the stream."""
    async with stream:
        for item in items:
            await stream.send(item)


async def consume(stream: MemoryObjectReceiveStream[Item], count: Count) -> None:
    """Do the work, until every sending end is closed."""
    async with stream:
        async for item in stream:
            result = await reply_to_number(item)
            count.done += result.ok


async def run(items: int, options: Options) -> int:
    """Run so many items, and return how many have a result."""
    source, count = numbers(items), Count()
    send, receive = anyio.create_memory_object_stream[Item](options.queue_size)
    async with send, receive, anyio.create_task_group() as group:
        for _ in range(options.consumers):
            group.start_soon(consume, receive.clone(), count)
        for _ in range(options.producers):
            group.start_soon(produce, send.clone(), source)
        send.close()
    return count.done
