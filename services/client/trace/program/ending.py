"""The end of a recorded program: its trace is written, whichever way it ends.

It may return, raise, or be stopped by ^C; then the trace is written on the way out. SIGTERM ends a Python program on
the spot, and so do SIGHUP, when its terminal is closed, and `os._exit`: there the trace is written first, and the
program then ends as it would have.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from services.client.trace.chrome.file import kept_flushing
from services.client.trace.kept import KeptFile
from services.client.trace.program.loops import LoopRecorders

ENDS = (signal.SIGTERM, signal.SIGHUP)


class Ending:
    """How a program ends. `code`: its exit code. `tell`: says what was recorded, once that is written."""

    def __init__(self, file: KeptFile, loops: LoopRecorders, tell: Callable[[], object]) -> None:
        self.code = 0
        self._tell = tell
        self._loops = loops
        self._writing = kept_flushing(file, loops.recorders)
        self._process = os.getpid()
        self._is_over = False
        self._exit = os._exit
        self._recursion_limit = sys.getrecursionlimit()

    @property
    def is_in_child(self) -> bool:
        """Whether this is a process that the program has forked: the trace is its parent's."""
        return os.getpid() != self._process

    def begin(self) -> None:
        """Write the trace as it comes, if it is live, and before the process ends on the spot."""
        self._writing.__enter__()
        for each in ENDS:
            if signal.getsignal(each) is signal.SIG_DFL:
                signal.signal(each, self._by_signal)
        os._exit = self._on_the_spot  # type: ignore[assignment]

    def end(self) -> None:
        """Write the trace. Raises CannotWrite."""
        os._exit = self._exit
        if self._is_over or self.is_in_child:
            return
        self._is_over = True
        sys.setrecursionlimit(max(self._recursion_limit, sys.getrecursionlimit()))  # the program may have left little
        for recorder in self._loops.recorders:
            recorder.end()
            recorder.own.exit_code = self.code
        self._writing.__exit__(None, None, None)
        with suppress(RuntimeError):  # a signal came while the program was writing to stderr
            self._tell()

    def _by_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._is_over and not self.is_in_child:
            return  # the trace is being written, and the process about to end
        self.code = 128 + number
        self.end()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _on_the_spot(self, status: int) -> None:
        self.code = status
        self.end()
        self._exit(status)


@contextmanager
def written_at_the_end(file: KeptFile, loops: LoopRecorders, tell: Callable[[], object]) -> Iterator[Ending]:
    """Write the trace of the program that runs inside, then `tell` of it. Raises CannotWrite."""
    ending = Ending(file, loops, tell)
    ending.begin()
    try:
        yield ending
    finally:
        ending.end()
