"""Several processes on one port: the kernel spreads connections over them (SO_REUSEPORT).

The supervisor reserves the port and starts each worker, which is the same program with one worker. It says that the
server has started when all workers have. It stops them when it is stopped. If one worker ends by itself, all end, with
exit code 1: the engine then restarts the whole container.
"""

import asyncio
import contextlib
import logging
import os
from asyncio.subprocess import PIPE, Process

from services.hello.settings import METRICS_DIRECTORY, WORKER, HelloSettings
from services.runtime.errors import OutputClosed, OutputFailed
from services.runtime.files.temporary import async_temporary_directory
from services.runtime.http import Address
from services.runtime.process import MIB, module_command, module_environment
from services.runtime.run import Stop
from services.runtime.serving.listen import bind_socket, bound_address
from services.runtime.terminal import show

log = logging.getLogger(__name__)


async def supervise(settings: HelloSettings, stop: Stop) -> int:
    """Run `settings.workers` workers until a stop is requested or one of them ends. Raises PortUnavailable."""
    # With SO_REUSEPORT alone, the port would be shared with another server that has it.
    bind_socket(settings.where).close()
    with contextlib.closing(bind_socket(settings.where, reuse_port=True)) as reserved:
        where = bound_address(reserved)
        async with async_temporary_directory("hello-metrics-") as multiprocess_dir:
            return await _supervise(settings, stop, where=where, multiprocess_dir=str(multiprocess_dir))


async def _supervise(settings: HelloSettings, stop: Stop, *, where: Address, multiprocess_dir: str) -> int:
    workers = [await start_worker(settings, where, multiprocess_dir) for _ in range(settings.workers)]
    ends = [asyncio.ensure_future(worker.wait()) for worker in workers]
    stopping = asyncio.ensure_future(stop.event.wait())
    started = asyncio.ensure_future(all_started(workers, where))
    try:
        await asyncio.wait([stopping, *ends], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                worker.terminate()
        codes = await asyncio.gather(*ends)
        for waiting in (stopping, started):
            waiting.cancel()
    if not stop.event.is_set():
        log.error("a worker ended by itself: exit codes %s", codes)
        return 1
    return 0


async def start_worker(settings: HelloSettings, where: Address, multiprocess_dir: str) -> Process:
    """Start one worker on `where`; its metrics go into the shared directory."""
    environment = {
        "HELLO_WORKERS": "1",
        "HELLO_HOST": where.host,
        "HELLO_PORT": str(where.port),
        "HELLO_DELAY_S": str(settings.delay_s),
        "HELLO_DRAIN_S": str(settings.drain_s),
        "HELLO_MEMORY_MIB": str(settings.worker_memory_bytes // MIB),
        METRICS_DIRECTORY: multiprocess_dir,
        WORKER: "1",
        **module_environment(),
    }
    command = (*module_command("services.hello"), "--loop", settings.loop)
    # In a new session, a terminal's ^C reaches the supervisor alone, which then stops its workers once. A worker reads
    # its standard input, so that it ends too if the supervisor is killed.
    return await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, env=os.environ | environment, start_new_session=True
    )


async def all_started(workers: list[Process], where: Address) -> None:
    """Wait for the `Server started` line of each worker, then print one for all."""
    for worker in workers:
        assert worker.stdout is not None  # noqa: S101 - it was started with a pipe
        if not await worker.stdout.readline():
            return
    announce(where)


def announce(where: Address) -> None:
    """Print that the server has started; a server whose stdout cannot be written serves all the same."""
    with contextlib.suppress(OutputClosed, OutputFailed):
        show(f"Server started at {where.url}...")
