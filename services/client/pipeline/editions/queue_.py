"""Lesson 5, the pipeline on an event loop: a bounded queue between producers and consumers.

1. The queue has room for so many items. Where it is full, `put` waits: a slow consumer slows the producers.
2. `shutdown` says that no more items come: consumers take what is left, and then `get` raises QueueShutDown.
3. Task groups own all tasks. An error in one of them, or ^C, cancels the others, so that no task is left behind.

Run as a file, its work waits a little (see `lesson`), and the last lines of the ledger show that the consumers took
turns. `client pipeline --edition queue` does not wait for a number: there, one consumer may find all of them.

The ledger learns of an id when it is handed over, and again when the queue has it; `emit` notes its result.
"""

import time
from asyncio import QueueEmpty, QueueFull, TaskGroup
from contextlib import suppress

from services.client.pipeline.edition import Emit, WorkOf
from services.client.pipeline.editions.lesson import run_edition_alone
from services.client.pipeline.editions.queue_with_end import Queue, QueueShutDown
from services.client.pipeline.items import Items
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import Options
from services.client.pipeline.stages import Item, Work
from services.client.settings import ClientSettings


async def consumer(queue: Queue[Item], work: Work, emit: Emit, *, name: str) -> None:
    """Take items, one after another, until no more come."""
    with suppress(QueueShutDown):
        while True:
            try:
                item = queue.get_nowait()  # no coroutine is made where nothing has to wait
            except QueueEmpty:
                item = await queue.get()
            await emit(await work(item), name)


async def produce(queue: Queue[Item], items: Items, ledger: Ledger) -> None:
    """Make the items, and hand each to the queue before the next is made."""
    async for ready in items.ready():
        for item in ready:
            try:
                queue.put_nowait(item)
            except QueueFull:
                ledger.attempt(item.id)
                began = time.perf_counter()
                await queue.put(item)
                ledger.wait_s += time.perf_counter() - began
            ledger.acknowledge(item.id)


async def run(
    items: Items,
    work_of: WorkOf,
    emit: Emit,
    *,
    ledger: Ledger,
    options: Options,
    settings: ClientSettings,
) -> None:
    """Run the items through the consumers; return when each has its result and all tasks have ended."""
    queue: Queue[Item] = Queue(options.queue_size)
    async with TaskGroup() as consumers:
        for number in range(1, options.consumers + 1):
            name = f"consumer {number}"
            consumers.create_task(consumer(queue, work_of(), emit, name=name), name=name)
        async with TaskGroup() as producers:
            for number in range(1, options.producers + 1):
                producers.create_task(produce(queue, items, ledger), name=f"producer {number}")
        queue.shutdown()


if __name__ == "__main__":
    run_edition_alone(run, "queue")
