"""The client as a program: started with a pipe for its trace, read while it runs, and ended in bounded time.

The client writes its trace to `/dev/fd/N`, as it would into a file, while it runs. It is in a session of its own, so
that a ^C at a terminal is for the server, which then stops its runs. The kernel of Linux kills it where the server is
killed.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from services.runtime.process import module_environment, tied_to_parent
from services.watch.settings import RunLimits

READ_BYTES = 64 * 1024
MAX_LINE_BYTES = 256 * 1024  # an event has a few hundred
TAIL_BYTES = 4 * 1024
CLOSING_S = 1.0  # for what is left in the pipes of a client that has ended
BY_SIGNAL = 128  # exit codes, as a shell has them
TRACE = "--trace"

Take = Callable[[Sequence[bytes]], None]
Process = asyncio.subprocess.Process


@dataclass(frozen=True, slots=True)
class Ended:
    """How a client ended. `code`: the exit code, 128 + N after signal N; `out`, `err`: the last that it printed.

    `note`: why it was ended early; empty where it ended by itself.
    """

    code: int
    out: bytes
    err: bytes
    note: str = ""


class Tail:
    """The last bytes of a stream."""

    def __init__(self) -> None:
        self.kept = b""

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Read a stream to its end."""
        while block := await stream.read(READ_BYTES):
            self.kept = (self.kept + block)[-TAIL_BYTES:]


async def run_client(
    command: Callable[..., Sequence[str]],
    take: Take,
    *,
    stop: asyncio.Event,
    limits: RunLimits,
    environment: Mapping[str, str],
) -> Ended:
    """Run the client to its end. Raises OSError where it cannot be started.

    `command`: returns the command with further options; `take`: gets the lines of the trace; `stop`: ends it early;
    `environment`: variables besides those of this process.
    """
    reading, writing = os.pipe()
    try:
        process = await start(command(TRACE, f"/dev/fd/{writing}"), writing, environment)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    out, err = Tail(), Tail()
    assert process.stdout  # noqa: S101 - it was started with pipes
    assert process.stderr  # noqa: S101
    async with lines_of(reading) as lines:
        readers = [
            asyncio.ensure_future(each)
            for each in (take_all(lines, take), out.read(process.stdout), err.read(process.stderr))
        ]
        try:
            note = await end_in_time(process, stop, limits)
            await asyncio.wait(readers, timeout=CLOSING_S)
        finally:
            await kill(process)
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
    code = process.returncode if process.returncode is not None else -signal.SIGKILL
    return Ended(code if code >= 0 else BY_SIGNAL - code, out.kept, err.kept, note)


async def start(command: Sequence[str], writing: int, environment: Mapping[str, str]) -> Process:
    """Start the client; it inherits the descriptor `writing`. Raises OSError."""
    return await asyncio.create_subprocess_exec(
        *tied_to_parent(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[writing],
        start_new_session=True,
        env={**os.environ, **module_environment(), **environment},
    )


@asynccontextmanager
async def lines_of(reading: int) -> AsyncIterator[AsyncIterator[list[bytes]]]:
    """Yield what returns the lines that come from a pipe, several at a time. The pipe is closed at the end."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    pipe = os.fdopen(reading, "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        yield split(reader)
    finally:
        transport.close()


async def split(reader: asyncio.StreamReader) -> AsyncIterator[list[bytes]]:
    """Yield the lines that came with each piece. A line of more than MAX_LINE_BYTES is left out."""
    rest = b""
    while block := await reader.read(READ_BYTES):
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            rest = b"too long"  # and so is no event, whatever follows up to the end of the line
        if lines:
            yield lines


async def take_all(lines: AsyncIterator[list[bytes]], take: Take) -> None:
    async for some in lines:
        take(some)


async def end_in_time(process: Process, stop: asyncio.Event, limits: RunLimits) -> str:
    """Wait until the client has ended, and interrupt it where that has to be earlier; return why, if it was."""
    ending, stopping = asyncio.ensure_future(process.wait()), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({ending, stopping}, timeout=limits.run_s, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            return ""
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        await asyncio.wait({ending}, timeout=limits.grace_s)
        return "it was stopped" if stop.is_set() else f"it was stopped after {limits.run_s:g} s, the limit of a run"
    finally:
        ending.cancel()
        stopping.cancel()


async def kill(process: Process) -> None:
    """Kill the client, where it has not ended, and wait for its end."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
