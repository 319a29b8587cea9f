"""A client that asks again after a reset, a little later each time, and gives up after so many attempts.

The site is told to reset its first two connections after 40 bytes of the head. The third attempt gets the whole head.

    .venv/bin/python examples/retry_after_reset.py
"""

import asyncio
import random

import aiohttp

from lab.embedded.program import embedded_lab
from services.client.topology import Topology

HOST = "www.sohu.com"
TWO_RESETS = [{"fault": "rst_at", "bytes": 40, "first": 2}]
ATTEMPTS, FIRST_PAUSE_S = 5, 0.05


async def set_faults(topology: Topology, rules: list[dict[str, object]]) -> None:
    """Tell the site what to do wrong, by its admin API."""
    address, port = await topology.locate(HOST, 8081)
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        await session.put(f"http://{address}:{port}/faults/{HOST}", json={"faults": rules})


async def fetch_head(topology: Topology) -> bytes:
    """Return the head of one response. Raises ConnectionError where the connection breaks before its end."""
    address, port = await topology.locate(HOST, 80)
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the stream ended within the head") from error
    finally:
        writer.close()


async def fetch_with_retries(topology: Topology) -> bytes:
    """Return the head; ask again after a broken connection, after a random part of a time that doubles."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            head = await fetch_head(topology)
        except ConnectionError as error:
            print(f"attempt {attempt}: {type(error).__name__}")
            if attempt == ATTEMPTS:
                raise
            await asyncio.sleep(random.uniform(0, FIRST_PAUSE_S * 2 ** (attempt - 1)))
        else:
            print(f"attempt {attempt}: {head.splitlines()[0].decode('latin-1')}")
            return head
    raise AssertionError


async def main() -> None:
    """Fetch from a site that resets two connections."""
    async with embedded_lab() as lab:
        await set_faults(lab.topology, TWO_RESETS)
        head = await fetch_with_retries(lab.topology)
    print(f"a head of {len(head)} bytes")


if __name__ == "__main__":
    asyncio.run(main())
