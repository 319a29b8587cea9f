"""Producer and consumers with a bounded queue between them: a producer that is too fast has to wait.

Four workers take users from a queue that holds two, and ask the hello server for each. The producer could make all
thirty users at once; it waits whenever the queue is full. `None`, once for each worker, says that no more will come.

    .venv/bin/python examples/bounded_queue.py
"""

import asyncio

import aiohttp

from lab.embedded.program import embedded_lab
from services.hello.settings import HelloSettings

USERS, WORKERS, ROOM = 30, 4, 2

Queue = asyncio.Queue[str | None]


async def produce(queue: Queue) -> int:
    """Put every user into the queue, and return the most that it held."""
    most = 0
    for number in range(1, USERS + 1):
        await queue.put(f"user-{number}")  # waits while the queue is full
        most = max(most, queue.qsize())
    for _ in range(WORKERS):
        await queue.put(None)
    return most


async def consume(queue: Queue, url: str, session: aiohttp.ClientSession) -> int:
    """Ask for each user that comes, until no more will come; return how many were greeted."""
    greeted = 0
    while (user := await queue.get()) is not None:
        async with session.get(f"{url}/hello/{user}") as response:
            greeted += user in await response.text()
    return greeted


async def main() -> None:
    """Let one producer and four consumers work, and say what came of it."""
    queue: Queue = asyncio.Queue(maxsize=ROOM)
    async with (
        embedded_lab(HelloSettings(delay_s=0.02)) as lab,
        aiohttp.ClientSession() as session,
        asyncio.TaskGroup() as group,
    ):
        producer = group.create_task(produce(queue))
        consumers = [group.create_task(consume(queue, lab.hello_url, session)) for _ in range(WORKERS)]
    print(f"{sum(task.result() for task in consumers)} users were greeted by {WORKERS} workers")
    print(f"the queue held {producer.result()} at most")


if __name__ == "__main__":
    asyncio.run(main())
