"""`client worker`: works at the runs of the broker until it is stopped. As many of them as wanted share the jobs.

A broker that is away is waited for, however long, and one line says so: in containers, workers and broker start at the
same time, and a broker that is started again finds its workers there.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from services.client import defaults
from services.client.broker_settings import PORT, BrokerSettings
from services.client.pipeline.jetstream.broker.errors import BrokerAbsent, BrokerLost, BrokerSilent, broker_of
from services.client.settings import ClientSettings
from services.runtime.errors import ProgramError
from services.runtime.run import Stop, first_error, until_stopped
from services.runtime.terminal import say

FIRST_PAUSE_S, MAX_PAUSE_S = 0.1, 2.0  # between two attempts to connect
TOLD_AFTER_S = 3.0
ATTEMPT_S = 5.0
STOP_S = 8.0  # a broker that is there has all back by then; Compose gives ten seconds


class LibraryMissing(ProgramError):
    """The package of the broker's protocol is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(f"a worker needs {package}, which is not installed here: install asynclab[jetstream]")


@dataclass(frozen=True, slots=True)
class Options:
    """`concurrency`: how many jobs of one run it works at, at once; `trace`, `report`: where it is recorded."""

    concurrency: int = defaults.WORKER_CONCURRENCY
    quiet: bool = False
    trace: str | None = None
    report: str | None = None


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Work until the stop, and return 0: then no job is in hand any more, unless the broker is away."""
    try:
        from services.client.pipeline.jetstream.worker.serve import serve
    except ModuleNotFoundError as error:
        raise LibraryMissing(error.name or "") from error

    broker = broker_of(settings)
    name = f"{socket.gethostname()}-{os.getpid()}"
    serving = partial(serve, settings, stop.event, concurrency=options.concurrency, name=name)
    if options.trace is None and options.report is None:
        return await keep_serving(serving, broker, stop)

    from services.client.pipeline.jetstream.worker.recorded import noting
    from services.client.trace.kept import Kept
    from services.client.trace.recording import recording

    async with recording(Kept(options.trace, options.report, settings.command), "worker", quiet=options.quiet) as run:
        recorder = run.new(mode="")
        working = keep_serving(partial(serving, make=noting(recorder)), broker, stop)
        run.exit_code = await recorder.record(working, name="worker")
    return run.exit_code


async def keep_serving(serving: Callable[[], Awaitable[None]], broker: BrokerSettings, stop: Stop) -> int:
    """Serve until the stop, again each time that the broker was away; return 0."""

    async def work() -> int:
        await serving()
        return 0

    while not stop.event.is_set():
        if await until_stopped(answering(broker), stop):
            break
        try:
            if await until_stopped(work(), stop, grace_s=STOP_S):
                say("worker: the broker is away: it will deliver again what was in hand")
        except* (BrokerAbsent, BrokerLost, BrokerSilent) as group:
            say(f"worker: {first_error(group)}")
    return 0


async def answering(broker: BrokerSettings) -> int:
    """Return 0 as soon as something listens where the broker is to be; say once that it is waited for."""
    loop = asyncio.get_running_loop()
    told_at, pause_s = loop.time() + TOLD_AFTER_S, FIRST_PAUSE_S
    while not await listens(broker):
        if told_at and loop.time() > told_at:
            say(f"worker: nothing answers at {broker.url}: waiting for the broker")
            told_at = 0.0
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, MAX_PAUSE_S)
    return 0


async def listens(broker: BrokerSettings) -> bool:
    """Return whether a connection to the broker can be made."""
    at = urlsplit(broker.url)
    try:
        async with asyncio.timeout(ATTEMPT_S):
            _, writer = await asyncio.open_connection(at.hostname, at.port or PORT)
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    return True
