"""The tutorial's second edition: `async` and `await`, the syntax of its own that Python gave to coroutines.

Line by line the same as `yield_from`: `async def` for the decorator, `await` for `yield from`.
"""

import asyncio

from services.client.topology import Topology
from services.client.wget.head_lines import header_line, print_head
from services.runtime.command_line import show


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
