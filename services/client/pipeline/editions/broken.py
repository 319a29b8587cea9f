"""Lesson 6, a pipeline that hangs: its consumer skips `task_done` for an item whose work fails.

1. `join` waits until `task_done` has been called once for each item that was put.
2. The consumer passes over the item that fails: one call is missing.
3. `join` waits for ever. The queue is empty, and all tasks wait.

`task_done` belongs in a `finally`. `queue_` needs no such count: `shutdown` ends its consumers, their task group waits
for them, and an error ends all of it.
"""

from asyncio import Queue, TaskGroup, timeout

from services.client.pipeline.edition import Emit, WorkOf
from services.client.pipeline.editions.lesson import run_edition_alone
from services.client.pipeline.items import Items
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import Options
from services.client.pipeline.stages import Item, Result, Work
from services.client.settings import ClientSettings
from services.runtime.errors import ProgramError
from services.runtime.terminal import say

FAILING_ID, DEADLINE_S = 3, 1.0


class StillWaiting(ProgramError):
    """The deadline has passed, and `join` has not returned."""

    exit_code = 1


async def consumer(queue: Queue[Item], work: Work, emit: Emit, *, name: str) -> None:
    """Take items, one after another, until it is cancelled."""
    while True:
        item = await queue.get()
        try:
            await emit(await failing(item, work), name)
        except ValueError as error:
            say(f"{name}: {error}")
            continue  # the fault is here: it passes over the next line
        queue.task_done()


async def failing(item: Item, work: Work) -> Result:
    """Do the work; that of one item fails."""
    if item.id == FAILING_ID:
        raise ValueError(f"the work of item {item.id} failed")
    return await work(item)


async def produce(queue: Queue[Item], items: Items, ledger: Ledger) -> None:
    """Make the items, and hand each to the queue before the next is made."""
    async for item in items:
        ledger.attempt(item.id)
        await queue.put(item)
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
    """Run the items through the consumers; it does not return."""
    queue: Queue[Item] = Queue(options.queue_size)
    async with TaskGroup() as group:
        consumers = [
            group.create_task(consumer(queue, work_of(), emit, name=f"consumer {number}"))
            for number in range(1, options.consumers + 1)
        ]
        await produce(queue, items, ledger)
        await queue.join()
        for task in consumers:
            task.cancel()


async def run_until_deadline(
    items: Items,
    work_of: WorkOf,
    emit: Emit,
    *,
    ledger: Ledger,
    options: Options,
    settings: ClientSettings,
) -> None:
    """Do the same, and give up at a deadline. Raises StillWaiting."""
    try:
        async with timeout(DEADLINE_S):
            await run(items, work_of, emit, ledger=ledger, options=options, settings=settings)
    except TimeoutError as error:
        text = f"join() still waits after {DEADLINE_S:g} s: task_done() was skipped for item {FAILING_ID}"
        raise StillWaiting(text) from error


if __name__ == "__main__":
    run_edition_alone(run_until_deadline, "broken")
