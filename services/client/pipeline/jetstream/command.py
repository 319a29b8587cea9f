"""`client worker`: works at the runs of the broker until it is stopped. As many of them as wanted share the jobs."""

import os
import socket
from dataclasses import dataclass

from services.client import defaults
from services.client.pipeline.jetstream.serve import serve
from services.client.settings import ClientSettings
from services.runtime.run import Stop


@dataclass(frozen=True, slots=True)
class Options:
    """`concurrency`: how many jobs of one run it works at, at once."""

    concurrency: int = defaults.WORKER_CONCURRENCY
    quiet: bool = False


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Work until the stop, and return 0: then no job is in hand any more."""
    await serve(settings, stop.event, concurrency=options.concurrency, name=f"{socket.gethostname()}-{os.getpid()}")
    return 0
