"""Where records go: a file or stdout, written in blocks by a thread, never more than a few blocks behind.

A slow reader (`| less`, a full pipe, a network file) makes the tasks wait, and not the loop, so deadlines are still
kept. With `--ordered`, records wait here for those before them, within a window that makes the tasks wait, too.
"""

import asyncio
import os
import queue
import time
from collections import deque
from collections.abc import Callable

from services.client.survey.deadlines import Deadline, release
from services.runtime.errors import OutputClosed, OutputFailed, ProgramError
from services.runtime.tasks import start_daemon_thread
from services.runtime.terminal import standard_output, write_whole

BLOCK_BYTES = 64 * 1024
MAX_BLOCKS = 8
FILE_FLUSH_S = 0.25
PERSON_FLUSH_S = 0.02
LAST_FLUSH_S = 0.5

Wrap = Callable[[bytes], bytes]


class RecordWriter:
    """Writes to a file descriptor, and closes that of a file at its end. `tick` is to be called often.

    `wrap`: what is done to a block of records before it is written, if anything. Raises NoThread where the machine
    allows no thread.
    """

    def __init__(self, fd: int, name: str, *, to_file: bool, wrap: Wrap | None = None) -> None:
        self.error: ProgramError | None = None
        self.failed = asyncio.Event()
        self._fd, self._name, self._to_file = fd, name, to_file
        self._flush_s = FILE_FLUSH_S if to_file else PERSON_FLUSH_S
        self._wrap = wrap
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._since_s = 0.0
        self._blocks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._behind = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._loop = asyncio.get_running_loop()
        self._written = asyncio.Event()
        start_daemon_thread(self._write_all, name=f"write {name}")

    def write(self, data: bytes) -> None:
        """Take some output; tasks see to it, with `room`, that it stays bounded."""
        if not data:
            return
        if not self._buffered:
            self._since_s = time.monotonic()
        self._buffer.append(data)
        self._buffered += len(data)
        if self._buffered >= BLOCK_BYTES:
            self.flush()

    def tick(self) -> None:
        """Send on what has waited long enough."""
        if self._buffered and time.monotonic() - self._since_s >= self._flush_s:
            self.flush()

    def flush(self) -> None:
        """Hand what there is to the thread."""
        if self._buffered:
            data = b"".join(self._buffer)
            self._put(self._wrap(data) if self._wrap else data)
            self._buffer.clear()
            self._buffered = 0

    def write_block(self, block: bytes) -> None:
        """Write what there is, and then a block that is no records, as it is."""
        self.flush()
        self._put(block)

    def _put(self, block: bytes) -> None:
        self._blocks.put(block)
        self._behind += 1

    @property
    def has_room(self) -> bool:
        """Whether the thread has caught up."""
        return self._behind < MAX_BLOCKS

    async def room(self, deadline: Deadline) -> None:
        """Wait until the thread has caught up. Raises SurveyStopped."""
        while self._behind >= MAX_BLOCKS and self.error is None:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiters.append(waiter)
            await deadline.wait(waiter)

    async def close(self, give_up: asyncio.Event) -> None:
        """Write what is left, but not for long once `give_up` is set. Raises OutputClosed or OutputFailed."""
        self.flush()
        self._blocks.put(None)
        ends = [asyncio.ensure_future(event.wait()) for event in (self._written, self.failed)]
        giving_up = asyncio.ensure_future(give_up.wait())
        try:
            await asyncio.wait([*ends, giving_up], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED, timeout=LAST_FLUSH_S)
        finally:
            for end in (*ends, giving_up):
                end.cancel()
        if self.error:
            raise self.error

    def _write_all(self) -> None:
        """Write blocks, in a thread, until there are no more."""
        try:
            while (block := self._blocks.get()) is not None:
                write_whole(self._fd, block)
                self._loop.call_soon_threadsafe(self._wrote)
            if self._to_file:
                os.close(self._fd)  # here a file system may report that it could not write after all
            self._loop.call_soon_threadsafe(self._written.set)
        except OSError as error:
            problem = OutputClosed() if isinstance(error, BrokenPipeError) else failure(self._name, error)
            self._report(problem)
        except RuntimeError:
            return  # the loop has gone

    def _report(self, problem: ProgramError) -> None:
        try:
            self._loop.call_soon_threadsafe(self._fail, problem)
        except RuntimeError:
            return

    def _wrote(self) -> None:
        self._behind -= 1
        while self._waiters and self._behind < MAX_BLOCKS:
            release(self._waiters.popleft())

    def _fail(self, problem: ProgramError) -> None:
        self.error = problem
        self.failed.set()
        while self._waiters:
            release(self._waiters.popleft())


def failure(name: str, error: OSError) -> OutputFailed:
    """Return the error for an output that cannot be opened or written."""
    return OutputFailed(name, error.strerror or str(error))


class OrderedWriter:
    """Puts records into the order of their targets. At most `window` targets have no record yet, or one that waits."""

    def __init__(self, output: RecordWriter, window: int) -> None:
        self._output, self._window = output, window
        self._done: dict[int, bytes] = {}
        self._next = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    async def room(self, index: int, deadline: Deadline) -> None:
        """Wait until that index is within the window. Raises SurveyStopped."""
        while index >= self._next + self._window:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await deadline.wait(waiter)

    def write(self, index: int, data: bytes) -> None:
        """Take the record with that index, from 0; write it once all before it are written."""
        self._done[index] = data
        while self._next in self._done:
            self._output.write(self._done.pop(self._next))
            self._next += 1
        while self._waiters:
            release(self._waiters.popleft())


def stdout() -> int:
    """Return the descriptor of standard output, with what Python has buffered already written. Raises OutputFailed."""
    stream = standard_output()
    stream.flush()
    return stream.fileno()
