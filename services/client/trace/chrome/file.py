"""Where a trace goes: into a file when the run ends, or into a pipe while it runs.

    file = trace_file(name)         # refuses a name that cannot be written, before anything runs
    file.flush(feeds)               # of a pipe: what is new; from a thread, every 50 ms
    file.close(feeds)               # the rest

No coroutine is in here, for a loop that is recorded may be held by a call: `recording_to` does it in a thread.
"""

import errno
import itertools
import os
import select
import stat
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from json import JSONEncoder
from pathlib import Path
from typing import TYPE_CHECKING

from services.client.trace.chrome.events import Event
from services.client.trace.chrome.feed import Feed
from services.client.trace.chrome.to_events import EventMaker, maker_of
from services.runtime.errors import ProgramError
from services.runtime.files.ownership import write_lines
from services.runtime.tasks import run_in_daemon_thread, start_unlisted_thread
from services.runtime.terminal import printable

if TYPE_CHECKING:
    from services.client.trace.kept import KeptFile

FLUSH_S = 0.05  # between two looks for what is new
PATIENCE_S = 5.0  # with a reader of a pipe that does not read, at the end
READER_ENDED = {errno.EPIPE, errno.ECONNRESET, errno.EIO}  # the last: of a terminal
NO_READER = "a pipe without a reader: start its reader first"

encode = JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class CannotWrite(ProgramError):
    """A trace cannot be written where it is asked for."""

    exit_code = 3

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"cannot write the trace to {printable(name[:200])}: {reason}")
        self.name, self.reason = name, reason


class TraceFile:
    """A trace that is being written; `is_live`: as it comes. Made by `trace_file`.

    `feeds` of its methods: the traces and recorders of the run, again at each call, and more of them where more began.
    """

    is_live = False

    def __init__(self, name: str) -> None:
        self._name = name
        self._path = Path(name).absolute()  # the program that is recorded may change its directory
        self._numbers = itertools.count(1)
        self._makers: dict[int, EventMaker] = {}
        self._has_begun = False

    def flush(self, feeds: Sequence[Feed]) -> None:
        """Write what is new, if the trace is live."""

    def close(self, feeds: Sequence[Feed]) -> None:
        """Write all that is not written yet, and end the file. Raises CannotWrite."""
        try:
            write_lines(self._path, self._last_lines(feeds))
        except OSError as error:
            raise CannotWrite(self._name, error.strerror or str(error)) from error

    def _lines(self, feeds: Sequence[Feed]) -> Iterator[str]:
        """Yield what is new, in lines that more may follow."""
        for each in self._news(feeds):
            yield f"{encode(each)},\n" if self._has_begun else f"[\n{encode(each)},\n"
            self._has_begun = True

    def _last_lines(self, feeds: Sequence[Feed]) -> Iterator[str]:
        """Yield what is new, and the end: the last event alone has no comma behind it."""
        news = self._news(feeds)
        ends = (each for feed in feeds for each in self._maker(feed).end())
        last = ""
        for each in itertools.chain(news, ends):
            yield f"{last},\n" if last else "" if self._has_begun else "[\n"
            self._has_begun, last = True, encode(each)
        yield f"{last}\n]\n" if self._has_begun else "[\n]\n"

    def _news(self, feeds: Sequence[Feed]) -> Iterator[Event]:
        for feed in list(feeds):
            yield from self._maker(feed).news()

    def _maker(self, feed: Feed) -> EventMaker:
        if id(feed) not in self._makers:
            self._makers[id(feed)] = maker_of(feed, self._numbers)
        return self._makers[id(feed)]


class TracePipe(TraceFile):
    """A trace that is written as it comes, into a pipe, FIFO or terminal.

    Where its reader is slow, no more events are made until it has read: they wait in the recorder, which is bounded.
    """

    is_live = True

    def __init__(self, name: str, fd: int) -> None:
        super().__init__(name)
        self._fd = fd
        self._unsent = memoryview(b"")
        self._is_closed = False  # by its reader, or by a failure: the run goes on all the same
        self._failure: OSError | None = None

    def flush(self, feeds: Sequence[Feed]) -> None:
        """Write what is new; wait for the reader for a moment at most."""
        self._send(FLUSH_S)
        if not self._unsent and not self._is_closed:
            self._unsent = memoryview("".join(self._lines([each for each in feeds if each.has_begun])).encode())
            self._send(FLUSH_S)

    def close(self, feeds: Sequence[Feed]) -> None:
        """Write all that is not written yet, unless the reader does not read, and close the pipe.

        Raises CannotWrite where something was not written, and not because the reader has ended.
        """
        try:
            if self._send(PATIENCE_S) and not self._is_closed:
                self._unsent = memoryview("".join(self._last_lines(feeds)).encode())
                self._send(PATIENCE_S)
        finally:
            os.close(self._fd)
        if self._failure:
            raise CannotWrite(self._name, os.strerror(self._failure.errno or 0))

    def _send(self, patience_s: float) -> bool:
        """Write what is unsent; return whether all is, before the reader has read nothing for so long."""
        until_s = time.monotonic() + patience_s
        while self._unsent:
            try:
                self._unsent = self._unsent[os.write(self._fd, self._unsent) :]
                until_s = time.monotonic() + patience_s
            except BlockingIOError:
                waiting = select.poll()
                waiting.register(self._fd, select.POLLOUT)
                if not waiting.poll(max(0.0, until_s - time.monotonic()) * 1e3):
                    return False
            except OSError as error:
                self._unsent, self._is_closed = memoryview(b""), True
                self._failure = None if error.errno in READER_ENDED else error
        return True


def trace_file(name: str) -> TraceFile:
    """Return the file that a trace is written to; what has this name stays as it is until the end.

    Raises CannotWrite.
    """
    try:
        if is_pipe(name):
            return TracePipe(name, os.open(name, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC))
        with tempfile.TemporaryFile(dir=Path(os.path.realpath(name)).parent):  # there may be files
            return TraceFile(name)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise CannotWrite(name, NO_READER if getattr(error, "errno", 0) == errno.ENXIO else reason) from error


def is_pipe(name: str) -> bool:
    """Return whether a name is that of a pipe, a FIFO or a device. Raises IsADirectoryError."""
    with suppress(FileNotFoundError):
        mode = Path(name).stat().st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        return not stat.S_ISREG(mode)
    if not name or name.endswith("/"):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return False


@contextmanager
def kept_flushing(file: "KeptFile", feeds: Sequence[Feed]) -> Iterator[None]:
    """Write what is new, if the trace is live, until left; then the rest, which blocks. `feeds`: may grow meanwhile.

    Raises what `close` raises.
    """
    over, has_ended = threading.Event(), threading.Event()

    def keep_flushing() -> None:
        try:
            while not over.wait(FLUSH_S):
                file.flush(feeds)
        finally:
            has_ended.set()

    if file.is_live:
        start_unlisted_thread(keep_flushing)
    else:
        has_ended.set()
    try:
        yield
    finally:
        over.set()
        has_ended.wait()
        file.close(feeds)


@asynccontextmanager
async def recording_to(open_file: "Callable[[], KeptFile]", feeds: Sequence[Feed]) -> AsyncIterator[None]:
    """Keep the recording of what runs inside, as `kept_flushing`. Raises ProgramError, before or behind it."""
    writing = kept_flushing(await run_in_daemon_thread(open_file), feeds)
    writing.__enter__()
    try:
        yield
    finally:
        await run_in_daemon_thread(lambda: writing.__exit__(None, None, None))
