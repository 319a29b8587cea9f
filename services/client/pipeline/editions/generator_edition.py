"""The generator edition for any work: the tutorial's dialogue, whose consumer may wait for what it does.

It is `generator` with `await`: an asynchronous generator takes an item at each `yield`, and gives its result at the
next. Producer and consumer still take turns: there is never more than one item.
"""

from collections.abc import AsyncGenerator

from services.client.pipeline.edition import Emit, WorkOf
from services.client.pipeline.items import Items
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import Options
from services.client.pipeline.stages import Item, Result, Work
from services.client.settings import ClientSettings

CONSUMER = "consumer"


async def consumer(work: Work) -> AsyncGenerator[Result | None, Item | None]:
    """Take an item at each `yield`, and give its result at the next."""
    result: Result | None = None
    while True:
        item = yield result
        if item is None:
            return
        result = await work(item)


async def run(
    items: Items,
    work_of: WorkOf,
    emit: Emit,
    *,
    ledger: Ledger,
    options: Options,
    settings: ClientSettings,
) -> None:
    """Make the items, and hand each to the consumer before the next is made."""
    c = consumer(work_of())
    await c.asend(None)
    try:
        async for item in items:
            ledger.acknowledge(item.id)  # the consumer has it as soon as it is handed over
            if result := await c.asend(item):
                await emit(result, CONSUMER)
    finally:
        await c.aclose()
