"""Record a response to the byte, then let a site of the lab play it, and compare the two.

The origin is a small server that sends a head which no framework would send: a field twice, in capitals, with two
spaces. `client record` keeps it as it came. In a lab that has the recording, its host is a site like any other.

    .venv/bin/python examples/record_and_replay.py
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from lab.embedded.program import embedded_lab
from services.sites.settings import SitesSettings

HOST = "odd.test"
RESPONSE = b"HTTP/1.1 200 OK\r\nX-ODD:  one\r\nX-ODD:  two\r\nContent-Length: 5\r\n\r\nhello"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request with RESPONSE."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(RESPONSE)
    await writer.drain()
    writer.close()


async def record(url: str, directory: str) -> None:
    """Run `client record` as a program; it says on stderr what it kept."""
    words = ("-m", "services.client", "record", url, "--name", HOST, "-o", directory)
    recorder = await asyncio.create_subprocess_exec(sys.executable, *words)
    if code := await recorder.wait():
        raise SystemExit(code)


async def replayed(directory: Path) -> bytes:
    """Return what the lab sends for the host that was recorded."""
    async with embedded_lab(sites=SitesSettings(own=directory)) as lab:
        address, port = await lab.topology.locate(HOST, 80)
        reader, writer = await asyncio.open_connection(address, port)
        try:
            writer.write(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
            return await reader.read()
        finally:
            writer.close()


async def main() -> None:
    """Record from the origin, play it, and compare."""
    with tempfile.TemporaryDirectory() as directory:
        origin = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with origin:
            port = origin.sockets[0].getsockname()[1]
            await record(f"http://127.0.0.1:{port}/", directory)
        came = await replayed(Path(directory))
    print(came.decode("latin-1"))
    print("the same bytes" if came == RESPONSE else "not the same bytes")


if __name__ == "__main__":
    asyncio.run(main())
