"""A server that begins to answer, and then sends a byte now and then: its client has to give up.

`python -m lab.bench.baselines.dripping PORT TLS_PORT PEM --address IP...`
"""

import argparse
import asyncio
import signal
import ssl
from contextlib import suppress

BEGIN = b"HTTP/1.1 200 OK\r\nX-Drip: "
EVERY_S = 0.2
LONGEST_S = 60.0


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one connection, until its client has gone."""
    with suppress(OSError, TimeoutError):
        writer.write(BEGIN)
        async with asyncio.timeout(LONGEST_S):
            while not reader.at_eof():
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(4_096), EVERY_S)
                writer.write(b".")
                await writer.drain()
    writer.transport.abort()


async def serve(addresses: list[str], port: int, tls_port: int, pem: str) -> None:
    """Drip at all addresses until a SIGTERM."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    await asyncio.start_server(drip, addresses, port)
    await asyncio.start_server(drip, addresses, tls_port, ssl=context)
    await stopped.wait()


def main() -> None:
    """Read the options, and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("tls_port", type=int)
    parser.add_argument("pem")
    parser.add_argument("--address", action="append", required=True)
    options = parser.parse_args()
    with suppress(asyncio.CancelledError):
        asyncio.run(serve(options.address, options.port, options.tls_port, options.pem))


if __name__ == "__main__":
    main()
