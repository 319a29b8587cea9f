"""Which call holds the loop: a thread looks at it now and then, and a timer of the loop says how late it is.

The wrapper of a task that runs for long knows when it began and ended, but not at which line the time was spent. So a
thread of the recorder samples the loop's thread (`sys._current_frames`) while one and the same slice goes on, and the
line that most of the samples show is that of the call. A callback is no task, and is known by the samples alone: its
begin and end are as exact as the samples are frequent.

Where a call in C keeps the interpreter for itself, the one sample is taken when it ends, still at its line.
"""

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from time import perf_counter, thread_time
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

from services.client.trace.tasks.places import LIBRARY, OWN, PACKAGE, place
from services.client.trace.tasks.waits import role_known
from services.runtime.errors import NoThread
from services.runtime.tasks import start_unlisted_thread

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
    """What a sample shows: file and line, and the function that it is in. `call`: the id of the loop's call's frame."""

    place: str
    function: str
    call: int


class Sampled:
    """Samples of one call. `key`: what tells it from others; from `first_s` to `last_s`, by the clock, it was seen."""

    def __init__(self, key: object, first_s: float) -> None:
        self.key, self.first_s, self.last_s = key, first_s, first_s
        self._places: Counter[tuple[str, str]] = Counter()

    def add(self, held: Held, at_s: float) -> None:
        """Add a sample."""
        self.last_s = at_s
        self._places[held.place, held.function] += 1

    @property
    def at(self) -> tuple[str, str]:
        """The place and the function of most samples; empty where there are none."""
        return self._places.most_common(1)[0][0] if self._places else ("", "")


class LoopWatch:
    """Looks at the loop of one recorder, from a thread and by a timer, while the loop runs."""

    def __init__(self, recorder: "Recorder") -> None:
        self._recorder = recorder
        self._stopped = threading.Event()
        self._thread = 0  # that of the loop
        self._is_started = False
        self._slice = Sampled(None, 0.0)
        self._callback: Sampled | None = None
        self._ending = threading.Lock()
        self._due_s = 0.0
        self._beats = 0
        self._timer: asyncio.TimerHandle | None = None
        self._cpu_s: list[float] = []  # of each thread that has looked

    @property
    def cpu_s(self) -> float:
        """How long its threads have used the processor."""
        return sum(self._cpu_s)

    def start(self, loop: "asyncio.AbstractEventLoop") -> None:
        """Look at a loop, in whose thread this is called, from now on."""
        self._thread = threading.get_ident()
        self._stopped = threading.Event()
        self._arm(loop)
        with suppress(NoThread):  # calls that hold the loop are recorded then without their line
            start_unlisted_thread(partial(self._look_until, self._stopped))
        self._is_started = True

    def stop(self) -> None:
        """Look at it no longer."""
        self._stopped.set()
        self._is_started = False
        self._end_callback()
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def place_of(self, began_s: float) -> tuple[str, str]:
        """Return place and function of most samples of the slice that began then; empty where there are none."""
        return self._slice.at if self._slice.key == began_s else ("", "")

    def _arm(self, loop: "asyncio.AbstractEventLoop") -> None:
        pause_s = min(BEAT_S, self._recorder.held_s / 2)
        self._timer = loop.call_later(pause_s, self._beat, loop)
        self._due_s = perf_counter() + pause_s

    def _beat(self, loop: "asyncio.AbstractEventLoop") -> None:
        """Note how late the loop is."""
        self._beats += 1
        self._recorder.note_lag(max(0.0, perf_counter() - self._due_s))
        self._arm(loop)

    def _look_until(self, stopped: threading.Event) -> None:
        self._cpu_s.append(0.0)
        number = len(self._cpu_s) - 1
        while not stopped.wait(self._recorder.held_s / SAMPLES):
            if self._is_started:  # before that, the loop does not run
                self._look()
            self._cpu_s[number] = thread_time()

    def _look(self) -> None:
        running, now = self._recorder.running, perf_counter()
        if running is None:
            self._sample_callback(now)
            return
        self._end_callback()
        began_s = running.began_s
        if now - began_s >= self._recorder.held_s / SAMPLES and (held := held_by(self._thread)):
            if began_s != self._slice.key:
                self._slice = Sampled(began_s, now)
            self._slice.add(held, now)

    def _sample_callback(self, now: float) -> None:
        held = held_by(self._thread)
        # The timer has not run since, so the frame is that of the same call, and not of another in the same place.
        key = held and (held.call, self._beats)
        if self._callback and key != self._callback.key:
            self._end_callback()
        if held:
            self._callback = self._callback or Sampled(key, now)
            self._callback.add(held, now)

    def _end_callback(self) -> None:
        """Note a callback that was seen for longer than the bound."""
        with self._ending:
            seen, self._callback = self._callback, None
        if seen and seen.last_s - seen.first_s >= self._recorder.held_s:
            self._recorder.note_blocking(None, seen.first_s, seen.last_s, seen.at)


def held_by(thread: int) -> Held | None:
    """Return the innermost line of a person's own code that a thread is at; where there is none, that of a package."""
    in_loop = list(frames_in_loop(sys._current_frames().get(thread)))
    roles = [role_known(frame.f_code) for frame in in_loop]
    for wanted in (OWN, PACKAGE, LIBRARY):
        for frame, role in zip(in_loop, roles, strict=True):
            if role == wanted or role & wanted:
                code = frame.f_code
                return Held(place(code.co_filename, frame.f_lineno or 0), code.co_qualname, id(in_loop[-1]))
    return None


def frames_in_loop(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and those that called it, up to the loop that called them all; the recorder's are left out."""
    for _ in range(MAX_FRAMES):
        if frame is None or is_the_loop(frame):
            return
        if not module_of(frame).startswith((RECORDER, IDLE)):
            yield frame
        frame = frame.f_back


def is_the_loop(frame: FrameType) -> bool:
    """Return whether a frame runs the loop; uvloop has none, but what runs it has."""
    return frame.f_code.co_name in RUNS_LOOP and module_of(frame).startswith(LOOP_MODULES)


def module_of(frame: FrameType) -> str:
    """Return the name of the module that a frame's code is of; empty where what is executed has none (`exec`)."""
    name = frame.f_globals.get("__name__")
    return name if isinstance(name, str) else ""
