"""A contestant: an asyncio protocol that answers each request with fixed bytes, and does nothing else.

`python -m lab.bench.baselines.null_server PORT DIRECTORY --loop LOOP`. It counts blank lines, and
reads nothing of a request: it shows what the loop costs, and nothing else.
"""

import argparse
import asyncio
import signal
from pathlib import Path
from typing import cast

from services.runtime.run import loop_factory
from services.runtime.serving.listen import BACKLOG

CLOSE = b"\r\nConnection: close\r\n"
KEPT, CLOSED = "kept.bench.http", "closed.bench.http"


class Null(asyncio.Protocol):
    """One connection. A head that comes in two pieces is answered when its end comes."""

    def __init__(self, kept: bytes, closed: bytes) -> None:
        self.kept, self.closed = kept, closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if CLOSE in data:
            self.transport.write(self.closed)
            self.transport.close()
        else:
            self.transport.write(self.kept * data.count(b"\r\n\r\n"))


async def serve(port: int, directory: Path) -> None:
    """Answer until a SIGTERM."""
    loop = asyncio.get_running_loop()
    kept, closed = ((directory / name).read_bytes() for name in (KEPT, CLOSED))
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    await loop.create_server(lambda: Null(kept, closed), "127.0.0.1", port, backlog=BACKLOG)
    await stopped.wait()


def main() -> None:
    """Read the options, and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--loop", default="asyncio")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(serve(options.port, options.directory))


if __name__ == "__main__":
    main()
