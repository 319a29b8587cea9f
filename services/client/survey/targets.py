"""The targets, one after another, from arguments or from an input of any length.

An input is read as it is needed: fetches start before it ends, and what waits here is bounded (BLOCKS of BLOCK_BYTES).
A thread reads it, since a read of a pipe, a terminal or a network file may wait for any time.
"""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from services.client.survey.deadlines import Deadline, release
from services.client.survey.input_file import file_bytes, wait_for_writer
from services.client.url.url import MAX_TARGET_BYTES
from services.runtime.errors import InputUnreadable
from services.runtime.tasks import start_daemon_thread

BLOCK_BYTES = 64 * 1024
BLOCKS = 2
LONG_BYTES = 16 * 1024
BOM = "\ufeff"  # some editors begin every file with one, and files are joined
COMMENT_OR_BOM = (b"#", BOM.encode())
SPACES = b" \t\r\f\v"
SHOWN_BYTES = 200  # of a line that is no target


class Target(NamedTuple):
    """A target as it was given: the number of its line, from 1, its text, and why it is none, where that is known."""

    line: int
    text: str
    problem: str | None = None


Skip = Callable[[int, str], bool]


def nothing_skipped(_line: int, _text: str) -> bool:
    """Skip nothing."""
    return False


class Source:
    """The base of all sources: `next` returns a target, or None at the end; after `stop`, the end has come."""

    def __init__(self, skip: Skip = nothing_skipped) -> None:
        self.skip = skip
        self.taken = 0
        self.skipped = 0
        self.ended = False
        self.error: InputUnreadable | None = None

    async def next(self, deadline: Deadline) -> Target | None:
        """Return the next target that is not skipped. Raises SurveyStopped."""
        while not self.ended:
            if target := self.pop():
                return target
            await self._more(deadline)
        return None

    def pop(self) -> Target | None:
        """Return the next target that is not skipped, if it has been read already."""
        while not self.ended and (target := self._pop()):
            if not self.skip(target.line, target.text):
                self.taken += 1
                return target
            self.skipped += 1
        return None

    def begin(self) -> None:
        """Start to read, where that takes a thread. Raises NoThread."""

    def targets(self) -> Iterator[Target] | None:
        """Return all targets, without taking any; None where they can be read only once. Raises InputUnreadable."""
        raise NotImplementedError

    async def is_long(self, deadline: Deadline) -> bool:
        """Return whether the first look at the input shows a long list."""
        return False

    def stop(self) -> None:
        """End here."""
        self.ended = True

    def fraction_taken(self) -> float | None:
        """Return how much of the input has been taken, from 0 to 1; None where its length is not known."""
        raise NotImplementedError

    def _pop(self) -> Target | None:
        raise NotImplementedError

    async def _more(self, deadline: Deadline) -> None:
        raise NotImplementedError


class ArgumentSource(Source):
    """Targets from the command line; the line is the argument's place."""

    def __init__(self, texts: Sequence[str], skip: Skip = nothing_skipped) -> None:
        super().__init__(skip)
        self._texts = texts
        self._line = 0

    def fraction_taken(self) -> float:
        return self._line / len(self._texts)

    def targets(self) -> Iterator[Target]:
        return map(argument, range(1, len(self._texts) + 1), self._texts)

    def _pop(self) -> Target | None:
        if self._line == len(self._texts):
            return None
        self._line += 1
        return argument(self._line, self._texts[self._line - 1])

    async def _more(self, _deadline: Deadline) -> None:
        self.ended = True


def argument(line: int, given: str) -> Target:
    text = given.strip().removeprefix(BOM).lstrip()
    try:
        length = len(text.encode("utf-8"))
    except UnicodeEncodeError:  # bytes of an argument that are not UTF-8
        return Target(line, shown(os.fsencode(text)), "an argument that is not UTF-8")
    if length > MAX_TARGET_BYTES:
        return Target(line, shown(text.encode("utf-8")), f"an argument of more than {MAX_TARGET_BYTES:,} bytes")
    return Target(line, text)


class LineSource(Source):
    """Targets from a file descriptor, one a line; blank lines and `#` comments are passed over."""

    def __init__(self, fd: int, name: str, skip: Skip = nothing_skipped) -> None:
        super().__init__(skip)
        self._fd, self._name = fd, name
        self._size = file_bytes(fd)
        self._split_bytes = self._block_bytes = 0
        self._block_lines = 1
        self._line = 0
        self._tail = b""  # the beginning of a line whose end has not come, cut to what a target may be long
        self._lines: deque[bytes] = deque()
        self._blocks: deque[bytes] = deque()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._room = threading.Semaphore(BLOCKS)
        self._loop = asyncio.get_running_loop()
        self._begun = self._complete = False
        self._most_bytes = MAX_TARGET_BYTES

    def targets(self) -> Iterator[Target] | None:
        """Return all targets, where the input is a file; nothing must have been read yet."""
        return self._all_targets() if self._size else None

    def _all_targets(self) -> Iterator[Target]:
        lines = LineSource(self._fd, self._name)
        try:
            at = os.lseek(self._fd, 0, os.SEEK_CUR)
            while block := os.pread(self._fd, BLOCK_BYTES, at):
                at += len(block)
                yield from lines.targets_of(block)
            yield from lines.targets_of(b"\n")
        except OSError as error:
            raise InputUnreadable(self._name, error.strerror or str(error)) from error

    def targets_of(self, block: bytes) -> Iterator[Target]:
        """Return the targets that end in the next block of the input."""
        self._blocks.append(block)
        while target := self._pop():
            yield target

    def fraction_taken(self) -> float | None:
        """Return how much has been taken, where the input is a file; lines of a block count as equally long."""
        waiting_bytes = self._block_bytes * len(self._lines) / self._block_lines
        return min(1.0, (self._split_bytes - waiting_bytes) / self._size) if self._size else None

    def stop(self) -> None:
        """End here, and end every wait for more, that of the thread too."""
        super().stop()
        self._wake()
        self._room.release()

    def _pop(self) -> Target | None:
        while True:
            while self._lines:
                self._line += 1
                if target := self._target(self._lines.popleft()):
                    return target
            if not self._blocks:
                return None
            self._split(self._blocks.popleft())
            self._room.release()

    def _split(self, block: bytes) -> None:
        """Take lines from a block; a line that is too long is cut, but not to a length that is allowed."""
        self._block_bytes = len(block)
        self._split_bytes += len(block)
        first, *rest = block.split(b"\n")
        self._tail += first[: self._most_bytes + 1 - len(self._tail)]
        if rest:
            self._lines.append(self._tail)
            self._tail = rest.pop()[: self._most_bytes + 1]
            self._lines.extend(rest)
        self._block_lines = max(1, len(self._lines))

    def _target(self, line: bytes) -> Target | None:
        text = line.strip(SPACES)
        if text.startswith(COMMENT_OR_BOM):
            text = text.removeprefix(COMMENT_OR_BOM[1]).lstrip(SPACES)
            if text.startswith(b"#"):
                return None
        if len(line) > MAX_TARGET_BYTES:
            return Target(self._line, shown(text), f"a line of more than {MAX_TARGET_BYTES:,} bytes")
        if not text:
            return None
        try:
            return Target(self._line, text.decode("utf-8"))
        except UnicodeDecodeError:
            return Target(self._line, shown(text), "a line that is not UTF-8")

    def begin(self) -> None:
        """Start to read, unless that has been done. Raises NoThread."""
        if not self._begun:
            start_daemon_thread(self._read_all, name=f"read {self._name}")
            self._begun = True

    async def is_long(self, deadline: Deadline) -> bool:
        """Return whether the first look at the input shows a long list."""
        await self._more(deadline)
        return bool(self._blocks) and len(self._blocks[0]) >= LONG_BYTES

    async def _more(self, deadline: Deadline) -> None:
        """Wait until there is a block, or the end; an input that fails ends, with `error` set."""
        self.begin()
        if self._blocks:
            return
        if self.error or self._complete:
            self.ended = True
            return
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append(waiter)
        await deadline.wait(waiter)

    def _read_all(self) -> None:
        """Read until the end, in a thread, never more than BLOCKS ahead."""
        try:
            wait_for_writer(self._fd)
            block = b"-"
            while block and not self.ended:
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


def shown(text: bytes) -> str:
    """Return the beginning of a line that is no target, as ASCII."""
    return text[:SHOWN_BYTES].decode("ascii", "backslashreplace") + ("..." if len(text) > SHOWN_BYTES else "")
