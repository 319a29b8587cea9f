"""Targets from a file, a pipe or standard input, one a line, of any number.

An input is read as it is needed: fetches start before it ends, and what waits here is bounded (BLOCKS of BLOCK_BYTES).
A thread reads it, since a read of a pipe, a terminal or a network file may wait for any time.
"""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator

from services.client.survey.deadlines import Deadline, release
from services.client.survey.input_file import file_bytes, wait_for_writer
from services.client.survey.targets import BOM, Target, shown
from services.client.url.url import MAX_TARGET_BYTES
from services.runtime.errors import InputUnreadable
from services.runtime.tasks import start_daemon_thread

BLOCK_BYTES = 64 * 1024
BLOCKS = 2
LONG_BYTES = 16 * 1024
COMMENT_OR_BOM = (b"#", BOM.encode())
SPACES = b" \t\r\f\v"

ParseLine = Callable[[int, bytes], Target | None]


def target_of_line(number: int, line: bytes) -> Target | None:
    """Return the target of a line of a list; None for a blank line and for a `#` comment."""
    text = line.strip(SPACES)
    if text.startswith(COMMENT_OR_BOM):
        text = text.removeprefix(COMMENT_OR_BOM[1]).lstrip(SPACES)
        if text.startswith(b"#"):
            return None
    if len(line) > MAX_TARGET_BYTES:
        return Target(number, shown(text), f"a line of more than {MAX_TARGET_BYTES:,} bytes")
    if not text:
        return None
    try:
        return Target(number, text.decode("utf-8"))
    except UnicodeDecodeError:
        return Target(number, shown(text), "a line that is not UTF-8")


class LineSplitter:
    """Blocks of an input in, targets out. `max_bytes`: of a line; a longer one is cut to one byte more."""

    def __init__(self, parse: ParseLine = target_of_line, *, max_bytes: int = MAX_TARGET_BYTES) -> None:
        self._parse, self._max_bytes = parse, max_bytes
        self._split_bytes = self._block_bytes = 0
        self._block_lines = 1
        self._line = 0
        self._tail = b""  # the beginning of a line whose end has not come
        self._lines: deque[bytes] = deque()

    def feed(self, block: bytes) -> None:
        """Take lines from a block; a line that is too long is cut, but not to a length that is allowed."""
        self._block_bytes = len(block)
        self._split_bytes += len(block)
        first, *rest = block.split(b"\n")
        self._tail += first[: self._max_bytes + 1 - len(self._tail)]
        if rest:
            self._lines.append(self._tail)
            self._tail = rest.pop()[: self._max_bytes + 1]
            self._lines.extend(rest)
        self._block_lines = max(1, len(self._lines))

    def pop(self) -> Target | None:
        """Return the next target whose line is whole."""
        while self._lines:
            self._line += 1
            if target := self._parse(self._line, self._lines.popleft()):
                return target
        return None

    def taken_bytes(self) -> float:
        """Return of how many bytes the targets have been taken; lines of a block count as equally long."""
        return self._split_bytes - self._block_bytes * len(self._lines) / self._block_lines


class Lines:
    """Targets from a file descriptor, as a LineSplitter finds them."""

    def __init__(self, fd: int, name: str, splitter: LineSplitter | None = None) -> None:
        self._fd, self._name = fd, name
        self._splitter = splitter or LineSplitter()
        self._size = file_bytes(fd)
        self._blocks: deque[bytes] = deque()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._room = threading.Semaphore(BLOCKS)
        self._loop = asyncio.get_running_loop()
        self._begun = self._complete = self._stopped = False
        self.error: InputUnreadable | None = None

    def begin(self) -> None:
        """Start to read, unless that has been done. Raises NoThread."""
        if not self._begun:
            start_daemon_thread(self._read_all, name=f"read {self._name}")
            self._begun = True

    def pop(self) -> Target | None:
        """Return the next target of what has been read."""
        while not (target := self._splitter.pop()):
            if not self._blocks:
                return None
            self._splitter.feed(self._blocks.popleft())
            self._room.release()
        return target

    async def more(self, deadline: Deadline) -> bool:
        """Wait until there is a block, or the end; an input that fails ends, with `error` set."""
        self.begin()
        if self._blocks:
            return True
        if self.error or self._complete:
            return False
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append(waiter)
        await deadline.wait(waiter)
        return True

    async def is_long(self, deadline: Deadline) -> bool:
        """Return whether the first look at the input shows a long list."""
        await self.more(deadline)
        return bool(self._blocks) and len(self._blocks[0]) >= LONG_BYTES

    def stop(self) -> None:
        """End every wait for more, that of the thread too."""
        self._stopped = True
        self._wake()
        self._room.release()

    def targets(self) -> Iterator[Target] | None:
        """Return all targets, where the input is a file; nothing must have been read yet."""
        return self._all_targets() if self._size else None

    def fraction_taken(self) -> float | None:
        """Return how much has been taken, where the input is a file."""
        return min(1.0, self._splitter.taken_bytes() / self._size) if self._size else None

    def _all_targets(self) -> Iterator[Target]:
        splitter = LineSplitter()
        try:
            at = os.lseek(self._fd, 0, os.SEEK_CUR)
            while block := os.pread(self._fd, BLOCK_BYTES, at):
                at += len(block)
                splitter.feed(block)
                yield from iter(splitter.pop, None)
            splitter.feed(b"\n")
            yield from iter(splitter.pop, None)
        except OSError as error:
            raise InputUnreadable(self._name, error.strerror or str(error)) from error

    def _read_all(self) -> None:
        """Read until the end, in a thread, never more than BLOCKS ahead."""
        try:
            wait_for_writer(self._fd)
            block = b"-"
            while block and not self._stopped:
                self._room.acquire()
                block = os.read(self._fd, BLOCK_BYTES)
                self._loop.call_soon_threadsafe(self._take, block)
            if self._fd:  # not stdin, which is not ours
                os.close(self._fd)
        except OSError as error:
            problem = InputUnreadable(self._name, error.strerror or str(error))
            self._loop.call_soon_threadsafe(self._fail, problem)
        except RuntimeError:
            return  # the loop has gone

    def _take(self, block: bytes) -> None:
        if not block:
            self._complete = True
        self._blocks.append(block or b"\n")  # the last line needs no line end
        self._wake()

    def _fail(self, problem: InputUnreadable) -> None:
        self.error = problem
        self._wake()

    def _wake(self) -> None:
        while self._waiters:
            release(self._waiters.popleft())
