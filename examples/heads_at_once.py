"""Fetch three response heads at once, one task each.

A task group owns its tasks and waits for them; each fetch has a deadline; a result comes back by `return`, and not
through a list that the tasks share.
Next: deadline.py, which shows why the deadline stands around the whole fetch.

    .venv/bin/python examples/heads_at_once.py
"""

import asyncio
import time

from lab.embedded.program import embedded_lab
from services.client.topology import Topology

HOSTS = ("www.sina.com.cn", "www.sohu.com", "www.163.com")
TIMEOUT_S = 5.0


async def fetch_head(host: str, topology: Topology) -> str:
    """Return the head of a host's response, without its last blank line."""
    address, port = await topology.locate(host, 80)
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await asyncio.open_connection(address, port)
        try:
            writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
        finally:
            writer.close()
    return head.decode("latin-1").rstrip("\r\n")


async def main() -> None:
    """Start the lab, fetch all heads at once, and print the first line of each."""
    async with embedded_lab() as lab:
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            tasks = {host: group.create_task(fetch_head(host, lab.topology)) for host in HOSTS}
        took_s = time.monotonic() - began
    for host, task in tasks.items():
        print(f"{host}: {task.result().splitlines()[0]}")
    print(f"{len(tasks)} heads in {took_s:.3f} s")


if __name__ == "__main__":
    asyncio.run(main())
