"""A plugin of pytest: a test that takes longer than its timeout fails, also where an event loop catches what is raised.

pytest-timeout raises the failure in the handler of a signal. uvloop takes it for an error of that handler, logs it and
goes on; asyncio does so while it runs a callback. Only KeyboardInterrupt and SystemExit end both loops. So while a loop
runs, a KeyboardInterrupt is raised here, of which a failure is made where the loop has ended. It is raised again where
a test catches it, or waits on in its `finally`. A test that none of them ends is ended with its process, and the stacks
on stderr: pytest-xdist reports that as a failure of the test, and starts another process.

The failure's text has the stack of each task of the loop and of each thread.
"""

import asyncio
import faulthandler
import os
import signal
import sys
import threading
import traceback
from collections.abc import Generator, Iterator
from types import FrameType
from typing import Any, Protocol

import pytest
from pytest_timeout import is_debugging  # type: ignore[import-untyped]

AGAIN_S = 10.0  # until it is raised once more
END_S = 60.0  # for the fixtures of a test that has failed: pytest-timeout has cancelled its timer by then
MOST = 2  # a third one would come while the loop is closed
Frames = list[tuple[str, int, str]]


class Settings(Protocol):
    """What pytest-timeout knows of a test."""

    timeout: float
    method: str


class TimedOut(KeyboardInterrupt):
    """A test takes longer than its timeout, and a loop runs."""


class Timer:
    """The timer of one test. It raises in its phases only, not while pytest makes the report of one."""

    def __init__(self, item: pytest.Item, timeout_s: float) -> None:
        self.is_set = False
        self._item, self._timeout_s = item, timeout_s
        self._stacks: dict[str, Frames] | None = None  # when the time was over; no failure was made of it yet
        self._phase, self._raised = "", 0

    def start(self, after_s: float) -> None:
        """Raise after so many seconds, and again and again."""
        signal.signal(signal.SIGALRM, self._handle)
        signal.setitimer(signal.ITIMER_REAL, after_s, AGAIN_S)
        self.is_set = True

    def cancel(self) -> None:
        """Raise no more."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        self.is_set = False

    def _handle(self, _number: int, frame: FrameType | None) -> None:
        __tracebackhide__ = True
        if is_debugging():
            return
        loop = asyncio._get_running_loop()
        self._stacks = self._stacks or dict(stacks(loop, frame))
        if not self._phase:
            return
        self._raised += 1
        if self._raised > MOST or (loop and self._phase == "teardown"):  # an exception would leave fixtures not ended
            end_process(self._item, self._stacks)
        raise TimedOut if loop else pytest.fail.Exception(self._text(self._stacks))

    def phase(self, name: str) -> Generator[None, None, None]:
        """Make a failure of what is raised in a phase, also where the test has caught it."""
        raised: BaseException | None = None
        try:
            self._phase = name
            yield
        except BaseException as error:
            if self._stacks is None:
                raise
            raised = error
        finally:
            self._phase = ""
        if self._stacks is not None:
            self.cancel()
            failure, self._stacks = pytest.fail.Exception(self._text(self._stacks)), None
            raise failure.with_traceback(raised.__traceback__ if raised else None)

    def _text(self, seen: dict[str, Frames]) -> str:
        return f"Timeout (>{self._timeout_s}s)" + text_of(seen)


TIMER = pytest.StashKey[Timer]()


@pytest.hookimpl(optionalhook=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Settings) -> bool | None:
    """Set the timer in place of pytest-timeout, which does it where this returns None."""
    if settings.method != "signal" or threading.current_thread() is not threading.main_thread():
        return None
    timer = item.stash[TIMER] = Timer(item, settings.timeout)
    item.cancel_timeout = timer.cancel  # type: ignore[attr-defined]  # where pytest-timeout looks for it
    timer.start(settings.timeout)
    return True


def end_process(item: pytest.Item, seen: dict[str, Frames]) -> None:
    """End this process: the test catches all that is raised."""
    item.config.pluginmanager.getplugin("capturemanager").suspend_global_capture()
    os.write(2, f"\n{item.nodeid} does not end: this process does{text_of(seen)}\n".encode())
    faulthandler.dump_traceback(2, all_threads=True)
    os._exit(1)


def stacks(loop: asyncio.AbstractEventLoop | None, frame: FrameType | None) -> Iterator[tuple[str, Frames]]:
    """Yield the stack of each task of a loop, and of each thread; `frame`: of this one. Nothing is read from files."""
    for task in sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name()) if loop else ():
        yield f"task {task.get_name()}", list(frames_of(task.get_coro()))
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, innermost in (sys._current_frames() | {threading.get_ident(): frame}).items():
        walked = [place_of(each, line) for each, line in traceback.walk_stack(innermost)] if innermost else []
        yield f"thread {names.get(ident, ident)}", walked[::-1]


def text_of(seen: dict[str, Frames]) -> str:
    """Return stacks as a traceback shows them."""
    shown = (traceback.format_list([(*each, None) for each in frames]) for frames in seen.values())
    return "".join(f"\n{name}:\n{''.join(lines)}" for name, lines in zip(seen, shown, strict=True))


def frames_of(waiting: Any) -> Iterator[tuple[str, int, str]]:
    """Yield where a coroutine is, and what it awaits, and so on."""
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "gi_frame", None)
        if frame is not None:
            yield place_of(frame, frame.f_lineno)
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)


def place_of(frame: FrameType, line: int) -> tuple[str, int, str]:
    return frame.f_code.co_filename, line, frame.f_code.co_name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test whose fixtures take too long."""
    yield from phase_of(item, "setup")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that takes too long."""
    yield from phase_of(item, "call")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test whose fixtures do not end."""
    if (timer := item.stash.get(TIMER, None)) and not timer.is_set:
        timer.start(END_S)
    yield from phase_of(item, "teardown")


def phase_of(item: pytest.Item, name: str) -> Generator[None, None, None]:
    if timer := item.stash.get(TIMER, None):
        yield from timer.phase(name)
    else:
        yield
