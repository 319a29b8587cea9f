"""A program with a mistake: one call that blocks, and what it does to all other tasks.

`lab report` records and draws it.

Four tasks do a little every 50 ms. A fifth calls `time.sleep` where `asyncio.sleep` is meant: no other task can run
until it returns.
"""

import asyncio
import time


async def tick() -> None:
    """Do a little, often."""
    for _ in range(20):
        await asyncio.sleep(0.05)


async def report() -> None:
    """Wait as a coroutine should, then as it should not."""
    await asyncio.sleep(0.3)
    time.sleep(0.4)  # noqa: ASYNC251 - the mistake that is shown
    await asyncio.sleep(0.3)


async def main() -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(1, 5):
            group.create_task(tick(), name=f"tick-{number}")
        group.create_task(report(), name="report")


if __name__ == "__main__":
    asyncio.run(main())
