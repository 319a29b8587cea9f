"""A broker and its workers, for as long as the page stands: the programs that containers would have.

The workers are programs of their own, so that one can be killed and its jobs seen to go to another. One that ends is
started again, as a container would be.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from lab.embedded.broker import HOW_TO_GET, PROGRAM, WORKERS, embedded_broker, find_program
from services.runtime.files.temporary import async_temporary_directory
from services.runtime.process import module_command, module_environment, tied_to_parent
from services.runtime.tasks import background_task
from services.runtime.terminal import say

MODULE = "services.client"
PASSWORD = "password"  # noqa: S105 - the name of a file
AGAIN_S = 1.0
END_S = 3.0
OWNER_ALONE = 0o600


@asynccontextmanager
async def broker_with_workers() -> AsyncIterator[Mapping[str, str]]:
    """Run a broker and workers while inside, and yield the variables with which a client finds the broker.

    Where its program is not here, there is neither, and no variable: one line says so. Raises BrokerFailed.
    """
    if await asyncio.to_thread(find_program) is None:
        say(f"No {PROGRAM} is here, so the page has no jetstream edition. {HOW_TO_GET}")
        yield {}
        return
    async with AsyncExitStack() as resources:
        broker = await resources.enter_async_context(embedded_broker())
        directory = await resources.enter_async_context(async_temporary_directory("lab-watch-"))
        file = directory / PASSWORD
        await asyncio.to_thread(write_secret, file, broker.password)
        variables = {"BROKER_URL": broker.url, "BROKER_PASSWORD_FILE": str(file)}
        for _ in range(WORKERS):
            await resources.enter_async_context(background_task(work_for_ever(variables)))
        yield variables


def write_secret(file: Path, text: str) -> None:
    """Write a file that its owner alone can read. It blocks."""
    file.touch(OWNER_ALONE, exist_ok=False)
    file.write_text(text, "ascii")


async def work_for_ever(variables: Mapping[str, str]) -> None:
    """Run a worker, and another one whenever it has ended."""
    while True:
        with suppress(OSError):  # the machine has no process, or no file, left for now
            worker = await start_worker(variables)
            try:
                await worker.wait()
            finally:
                await end(worker)
        await asyncio.sleep(AGAIN_S)


async def start_worker(variables: Mapping[str, str]) -> asyncio.subprocess.Process:
    """Start a worker. Raises OSError."""
    return await asyncio.create_subprocess_exec(
        *tied_to_parent([*module_command(MODULE), "worker", "--quiet"]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, **module_environment(), **variables},
    )


async def end(worker: asyncio.subprocess.Process) -> None:
    """End a worker, by SIGTERM, and by SIGKILL where that is not enough."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if worker.returncode is not None:
            return
        with suppress(ProcessLookupError):
            worker.send_signal(number)
        with suppress(TimeoutError):
            await asyncio.wait_for(worker.wait(), END_S)
