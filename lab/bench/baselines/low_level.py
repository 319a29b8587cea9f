"""A contestant: aiohttp's low-level server with hello's page, one process or several on one port (SO_REUSEPORT).

`python -m lab.bench.baselines.low_level PORT --loop LOOP --workers N`. It has no routes, no middlewares and no
metrics: it shows what these cost the hello server.
"""

import argparse
import asyncio
import os
import signal

from aiohttp import web

from services.runtime.http import Address
from services.runtime.run import loop_factory
from services.runtime.serving.listen import BACKLOG, bind_socket


async def answer(_request: web.BaseRequest) -> web.Response:
    return web.Response(text="<h1>Index</h1>", content_type="text/html")


async def serve(port: int) -> None:
    """Answer until a SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.SockSite(runner, bind_socket(Address("127.0.0.1", port), reuse_port=True), backlog=BACKLOG).start()
    await stopped.wait()
    await runner.cleanup()


def main() -> None:
    """Read the options, start the other workers, and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--loop", default="asyncio")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    others: list[int] = []
    for _ in range(options.workers - 1):
        child = os.fork()  # while there is no loop, and no thread
        if child == 0:
            others.clear()
            break
        others.append(child)
    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(serve(options.port))
    for child in others:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
