"""Why a deadline for each read is not enough: a server that sends one byte at a time passes every one of them.

The site is told to drip: one byte of its response each 50 ms. A reader that allows 200 ms for each read never times
out: it goes on as long as the server has bytes to send. A deadline around the whole fetch ends it.

    .venv/bin/python examples/deadline.py
"""

import asyncio

import aiohttp

from lab.embedded.program import embedded_lab
from services.client.topology import Topology

HOST = "www.163.com"
DRIP = [{"fault": "drip", "bytes": 1, "interval_s": 0.05}]
READ_TIMEOUT_S, TOTAL_TIMEOUT_S = 0.2, 1.0


async def set_faults(topology: Topology, rules: list[dict[str, object]]) -> None:
    """Tell the site what to do wrong, by its admin API."""
    address, port = await topology.locate(HOST, 8081)
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        await session.put(f"http://{address}:{port}/faults/{HOST}", json={"faults": rules})


async def fetch(topology: Topology) -> tuple[bytes, str]:
    """Return what came of the response until its end or until a deadline, and which deadline that was."""
    address, port = await topology.locate(HOST, 80)
    reader, writer = await asyncio.open_connection(address, port)
    came, ended_by = b"", "the total deadline"
    try:
        writer.write(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        async with asyncio.timeout(TOTAL_TIMEOUT_S):
            try:
                while data := await asyncio.wait_for(reader.read(4096), READ_TIMEOUT_S):
                    came += data
                ended_by = "the peer"
            except TimeoutError:  # of one read: the total deadline arrives here as a cancellation
                ended_by = "the deadline of a read"
    except TimeoutError:
        pass
    finally:
        writer.close()
    return came, ended_by


async def main() -> None:
    """Fetch from a site that drips, and say what ended the fetch."""
    async with embedded_lab() as lab:
        await set_faults(lab.topology, DRIP)
        came, ended_by = await fetch(lab.topology)
    print(f"{len(came)} bytes came, the first of them {came[:8]!r}")
    print(f"the fetch was ended by {ended_by}")


if __name__ == "__main__":
    asyncio.run(main())
