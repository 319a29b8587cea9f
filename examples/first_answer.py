"""Ask several mirrors, take the first answer, and cancel the rest.

Two of the three sites are told to wait before they answer. Whatever happens, no task is left behind: the ones that lost
are cancelled and waited for.

    .venv/bin/python examples/first_answer.py
"""

import asyncio

import aiohttp

from lab.embedded.program import embedded_lab
from services.client.topology import Topology

DELAYS_S = {"www.sina.com.cn": 30.0, "www.sohu.com": 30.0, "www.163.com": 0.05}


async def set_delay(topology: Topology, host: str, seconds: float) -> None:
    """Tell a site to wait before each response, by its admin API."""
    address, port = await topology.locate(host, 8081)
    plan = {"faults": [{"fault": "delay", "seconds": seconds}]}
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        await session.put(f"http://{address}:{port}/faults/{host}", json=plan)


async def fetch_status_line(topology: Topology, host: str) -> str:
    """Return the first line of a host's response."""
    address, port = await topology.locate(host, 80)
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        return f"{host}: {(await reader.readline()).decode('latin-1').rstrip()}"
    except asyncio.CancelledError:
        print(f"{host}: cancelled")
        raise  # the caller waits for this
    finally:
        writer.close()


async def first_of(topology: Topology, hosts: list[str], *, timeout_s: float) -> str:
    """Return the first answer of several hosts. Raises TimeoutError where none comes in time."""
    tasks = [asyncio.create_task(fetch_status_line(topology, host)) for host in hosts]
    try:
        async with asyncio.timeout(timeout_s):
            return await next(asyncio.as_completed(tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def main() -> None:
    """Let three sites race."""
    async with embedded_lab() as lab:
        for host, seconds in DELAYS_S.items():
            await set_delay(lab.topology, host, seconds)
        answer = await first_of(lab.topology, list(DELAYS_S), timeout_s=5.0)
    print(f"the first answer: {answer}")


if __name__ == "__main__":
    asyncio.run(main())
