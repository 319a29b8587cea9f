"""Lesson 3, at once, as the tutorial's second edition: `async` and `await`, Python's own syntax for coroutines.

Line by line the same as `yield_from`: `async def` instead of the decorator, `await` instead of `yield from`. A task
group does what `gather` did there; if one task fails, it also ends the others. Compare `fetch_all` with that of
`sequential`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable

from services.client.lesson import run_lesson
from services.client.topology import Topology
from services.client.wget.head_lines import header_line, print_head
from services.runtime.terminal import show


async def wget(host: str, port: int, topology: Topology) -> None:
    """Print the response head of one host."""
    show(f"wget {host}...")
    address = await topology.locate(host, port)
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode("ascii"))
        await writer.drain()
        head: list[str] = []
        while line := header_line(await reader.readline(), after=head):
            head.append(line)
        print_head(host, head)
    finally:
        writer.close()


async def fetch_all(fetch: Callable[[str], Coroutine[None, None, None]], hosts: Iterable[str]) -> None:
    """Fetch every host, all at once: a task for each."""
    async with asyncio.TaskGroup() as group:
        for host in hosts:
            group.create_task(fetch(host), name=host)


if __name__ == "__main__":
    run_lesson(wget, fetch_all)
