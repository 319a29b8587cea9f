"""Sites and the gateway's proxy in one process, as in `lab serve`: the proxy has a port that the bench names.

`python -m lab.bench.harness.embedded_program PORT RECORDINGS --loop LOOP`
"""

import argparse
import asyncio
import signal
from pathlib import Path

from lab.embedded.gateway import embedded_gateway
from lab.embedded.sites import LOOPBACK, embedded_sites
from services.runtime.process import raise_open_files
from services.runtime.run import loop_factory
from services.sites.settings import SitesSettings


async def serve(port: int, recordings: Path) -> None:
    """Serve until a SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    settings = SitesSettings(directory=recordings, drain_s=0)
    async with embedded_sites(settings) as running, embedded_gateway(running, LOOPBACK, port=port):
        await stopped.wait()


def main() -> None:
    """Read the options, and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--loop", default="asyncio")
    options = parser.parse_args()
    raise_open_files()
    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(serve(options.port, options.recordings))


if __name__ == "__main__":
    main()
