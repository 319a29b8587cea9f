"""A contestant: a protocol that greets each user after the delay, and does nothing else.

`python -m lab.bench.baselines.null_hello PORT --loop LOOP --delay SECONDS`. Of a request it reads the name in its path:
it shows what the loop, the kernel and the users cost.
"""

import argparse
import asyncio
import signal
from typing import cast

from services.runtime.process import raise_open_files
from services.runtime.run import loop_factory
from services.runtime.serving.listen import BACKLOG

GREETING = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b"
BEGIN = b"GET /hello/"


class Null(asyncio.Protocol):
    """One connection, whose requests come whole."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        name = data[len(BEGIN) : data.index(b" ", len(BEGIN))]
        asyncio.get_running_loop().call_later(self.delay_s, self.greet, b"<h1>hello, %b!</h1>" % name)

    def greet(self, page: bytes) -> None:
        """Send the page."""
        self.transport.write(GREETING % (len(page), page))


async def serve(port: int, delay_s: float) -> None:
    """Answer until a SIGTERM."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    await loop.create_server(lambda: Null(delay_s), "127.0.0.1", port, backlog=BACKLOG)
    await stopped.wait()


def main() -> None:
    """Read the options, and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--loop", default="asyncio")
    parser.add_argument("--delay", type=float, default=0.5)
    options = parser.parse_args()
    raise_open_files()
    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(serve(options.port, options.delay))


if __name__ == "__main__":
    main()
