"""Lesson 2, at once, as the tutorial's first edition: a coroutine made from a generator.

`@types.coroutine` does today what `@asyncio.coroutine` did before Python 3.11. Each `yield from` gives control to the
event loop until the awaited result is there; meanwhile, the loop runs the other fetches. Compare with `await_`.
"""

import asyncio
import types
from collections.abc import Awaitable, Callable, Generator, Iterable

from services.client.lesson import run_lesson
from services.client.topology import Topology
from services.client.wget.head_lines import header_line, print_head
from services.runtime.terminal import show


@types.coroutine
def wget(host: str, port: int, topology: Topology) -> Generator[object, None, None]:
    """Print the response head of one host."""
    show(f"wget {host}...")
    address = yield from topology.locate(host, port)
    reader, writer = yield from asyncio.open_connection(*address)
    try:
        writer.write(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode("ascii"))
        yield from writer.drain()
        head: list[str] = []
        while line := header_line((yield from reader.readline()), after=head):
            head.append(line)
        print_head(host, head)
    finally:
        writer.close()


@types.coroutine
def fetch_all(fetch: Callable[[str], Awaitable[None]], hosts: Iterable[str]) -> Generator[object, None, None]:
    """Fetch every host, all at once."""
    yield from asyncio.gather(*[fetch(host) for host in hosts])


if __name__ == "__main__":
    run_lesson(wget, fetch_all)
