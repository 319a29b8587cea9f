"""Work that goes on for as long as a block does. Its errors are the block's: not lost, and not found out later."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def alongside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Do `work` while inside; it is cancelled on the way out.

    Its error ends what is inside, and comes out in a group, as of every TaskGroup. What is raised inside comes out as
    it is: a caller that expects an error need not know that something went on beside.
    """
    raised_inside: Exception | None = None
    async with asyncio.TaskGroup() as group:
        working = group.create_task(work)
        try:
            yield
        except Exception as error:
            raised_inside = error
        finally:
            working.cancel()
    if raised_inside:
        raise raised_inside
