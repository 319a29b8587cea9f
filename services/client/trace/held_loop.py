"""Which call holds the loop: a thread looks at it now and then, and a timer of the loop says how late it is.

A task that runs for long is met by its own wrapper, which knows when it began and ended; but not at which line the time
was spent. So a thread of the recorder samples the loop's thread (`sys._current_frames`) while one and the same slice
goes on, and the line that most of the samples show is that of the call. A callback is no task, and is known by the
samples alone: its begin and end are as exact as they are frequent.

Where a call in C keeps the interpreter for itself, the one sample is taken when it ends, still at its line.
"""

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from time import perf_counter, thread_time
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

from services.client.trace.places import LIBRARY, OWN, place
from services.client.trace.waits import role_known
from services.runtime.errors import NoThread
from services.runtime.tasks import start_daemon_thread

if TYPE_CHECKING:
    import asyncio

    from services.client.trace.recorder import Recorder

SAMPLES = 4  # within that time
BEAT_S = 0.1
MAX_FRAMES = 500
RECORDER = "services.client.trace."
IDLE = "selectors"  # the module in which asyncio's loop waits; uvloop's has no frame then
LOOP_MODULES = ("asyncio.", RECORDER)
RUNS_LOOP = {"_run_once", "run_forever", "run_until_complete", "run"}


class Held(NamedTuple):
    """The place of a call: file and line, and the function that it is in. `frame`: the id of that function's frame."""

    place: str
    function: str
    frame: int


class LoopWatch:
    """Looks at the loop of one recorder, from a thread and by a timer, while the loop runs."""

    def __init__(self, recorder: "Recorder") -> None:
        self._recorder = recorder
        self._stopped = threading.Event()
        self._thread = 0  # that of the loop
        self._began_s = 0.0  # of the slice that is sampled
        self._samples: Counter[Held] = Counter()
        self._callback: tuple[Held, float, float] | None = None  # a callback that is sampled: first and last time
        self._due_s = float("inf")
        self._timer: asyncio.TimerHandle | None = None
        self.cpu_s = 0.0

    def start(self, loop: "asyncio.AbstractEventLoop") -> None:
        """Look at a loop, in whose thread this is called, from now on."""
        self._thread = threading.get_ident()
        self._stopped = threading.Event()
        self._arm(loop)
        try:
            start_daemon_thread(self._look_until_stopped, name="trace")
        except NoThread:  # calls that hold the loop are recorded then without their line
            return

    def stop(self) -> None:
        """Look at it no longer."""
        self._stopped.set()
        self._due_s = float("inf")
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def place_of(self, began_s: float) -> tuple[str, str]:
        """Return place and function of most samples of the slice that began then; empty where there are none."""
        if began_s != self._began_s or not self._samples:
            return "", ""
        by_place: Counter[tuple[str, str]] = Counter()
        for held, count in self._samples.items():
            by_place[held.place, held.function] += count
        return by_place.most_common(1)[0][0]

    def _arm(self, loop: "asyncio.AbstractEventLoop") -> None:
        self._timer = loop.call_later(BEAT_S, self._beat, loop)
        self._due_s = perf_counter() + BEAT_S

    def _beat(self, loop: "asyncio.AbstractEventLoop") -> None:
        """Note how late the loop is."""
        self._recorder.note_lag(max(0.0, perf_counter() - self._due_s))
        self._arm(loop)

    def _look_until_stopped(self) -> None:
        stopped, pause_s = self._stopped, self._recorder.held_s / SAMPLES
        while not stopped.wait(pause_s):
            self._look()
            self.cpu_s = thread_time()
        self._end_callback()

    def _look(self) -> None:
        running, now = self._recorder.running, perf_counter()
        if running is not None:
            self._end_callback()
            began_s = running.track.began_s
            if now - began_s >= self._recorder.held_s / SAMPLES:
                self._sample_slice(began_s)
        else:
            self._sample_callback(now)

    def _sample_slice(self, began_s: float) -> None:
        held = held_by(self._thread)
        if held is None:
            return
        if began_s != self._began_s:
            self._samples = Counter()
            self._began_s = began_s
        self._samples[held] += 1

    def _sample_callback(self, now: float) -> None:
        held = held_by(self._thread)
        before = self._callback
        if before and held == before[0]:
            self._callback = (held, before[1], now)
            return
        self._end_callback()
        if held:
            self._callback = (held, now, now)

    def _end_callback(self) -> None:
        """Note a callback that was seen for longer than the bound."""
        if self._callback:
            held, first_s, last_s = self._callback
            self._callback = None
            if last_s - first_s >= self._recorder.held_s:
                self._recorder.note_blocking(None, first_s, last_s, (held.place, held.function))


def held_by(thread: int) -> Held | None:
    """Return the innermost line of a person's own code that a thread is at; where there is none, that of a package."""
    package = library = None
    for frame in frames_in_loop(sys._current_frames().get(thread)):
        role = role_known(frame.f_code)
        if role == OWN:
            return held_at(frame)
        if role & LIBRARY:
            library = library or held_at(frame)
        else:
            package = package or held_at(frame)
    return package or library


def frames_in_loop(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and those that called it, up to the loop that called them all; the recorder's are left out."""
    for _ in range(MAX_FRAMES):
        if frame is None or is_the_loop(frame):
            return
        if not frame.f_globals.get("__name__", "").startswith((RECORDER, IDLE)):
            yield frame
        frame = frame.f_back


def is_the_loop(frame: FrameType) -> bool:
    """Return whether a frame runs the loop; uvloop has none, but what runs it has."""
    return frame.f_code.co_name in RUNS_LOOP and frame.f_globals.get("__name__", "").startswith(LOOP_MODULES)


def held_at(frame: FrameType) -> Held:
    return Held(place(frame.f_code.co_filename, frame.f_lineno or 0), frame.f_code.co_qualname, id(frame))
