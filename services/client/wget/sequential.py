"""Lesson 1, one after another: the program asks the next host when the host before it has answered.

`await` lets the event loop run other tasks until the answer comes. Here there are no other tasks, so the waits add up.
The function `wget` is the same as in `await_`. This lesson is slow because of `fetch_all`. Read `yield_from` next.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from services.client.lesson import run_lesson
from services.client.topology import Topology
from services.client.wget.head_lines import header_line, print_head
from services.runtime.terminal import show


async def wget(host: str, port: int, topology: Topology) -> None:
    """Print the response head of one host; `topology` knows where in the lab the host is."""
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


async def fetch_all(fetch: Callable[[str], Awaitable[None]], hosts: Iterable[str]) -> None:
    """Fetch every host, one after another."""
    for host in hosts:
        await fetch(host)


if __name__ == "__main__":
    run_lesson(wget, fetch_all)
