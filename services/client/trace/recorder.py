"""The recorder: a task factory whose tasks time themselves.

A task runs its coroutine by `send()`, once for every time that the coroutine can go on; what `send()` returns is what
the coroutine now waits for. So the task gets the coroutine in a wrapper that notes when each `send()` began and ended.
This works alike on every Python and on both loops, and costs nothing where no recorder runs.

One task and its descendants are recorded, and not the tasks of a server on the same loop.
"""

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from services.client.trace.model import Dropped, Outcome, Phase, Slice, Task, Trace
from services.runtime.run import running_loop_name

MAX_TASKS = 10_000
MAX_SLICES = 100_000
MAX_PHASES = 100_000
DEFAULT_NAME = re.compile(r"Task-\d+|None")  # None: so does Python 3.13.5 where there is a task factory
MAX_HOPS = 100  # from a task's coroutine to the innermost: a chain that is longer is not followed to its end

Result = TypeVar("Result")
Resume = Callable[..., object]
AnyCoroutine = Coroutine[Any, Any, Result] | Generator[Any, Any, Result]
"""The types that asyncio makes tasks of; until Python 3.11 that is a generator, too."""


class Recorder:
    """Records tasks on the running loop, within bounds: what is beyond them is only counted."""

    def __init__(
        self, *, most_tasks: int = MAX_TASKS, most_slices: int = MAX_SLICES, most_phases: int = MAX_PHASES
    ) -> None:
        self._most_tasks, self._slices_left, self._most_phases = most_tasks, most_slices, most_phases
        self._tracks: list[Track] = []
        self._phases: list[Phase] = []
        self._dropped_tasks = self._dropped_slices = self._dropped_phases = 0
        self._began_s = self._ended_s = 0.0
        self._begun = datetime.now(UTC)
        self._loop = ""
        self.is_on = False
        self._takes_next = False  # the next task is recorded, though no recorded task makes it
        self.running: Track | None = None

    async def record(self, work: Coroutine[Any, Any, Result], *, name: str = "main") -> Result:
        """Run `work` as a task of this name, and record it and its descendants. May be called once.

        Returns what `work` returns, and raises what it raises. A cancellation is passed on to it.
        """
        loop = asyncio.get_running_loop()
        before = loop.get_task_factory()

        def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Future[Any]:
            wrapped = self._wrapped(coroutine)
            task = (before or plain_task)(loop, wrapped or coroutine, **more)
            if wrapped:
                wrapped.track.task = task
            return task

        self._loop, self._begun, self._began_s = running_loop_name(), datetime.now(UTC), time.perf_counter()
        loop.set_task_factory(factory)
        self.is_on = self._takes_next = True
        try:
            return await loop.create_task(work, name=name)
        finally:
            self._ended_s, self.is_on = time.perf_counter(), False
            if loop.get_task_factory() is factory:  # else another recorder began later, and will end later
                loop.set_task_factory(before)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Record the time inside as a phase of the running task."""
        begin_s, track = time.perf_counter(), self.running
        try:
            yield
        finally:
            if len(self._phases) < self._most_phases:
                number = track.number if track and track.is_recorded else None
                self._phases.append(Phase(name, number, begin_s - self._began_s, time.perf_counter() - self._began_s))
            else:
                self._dropped_phases += 1

    def trace(self) -> Trace:
        """Return what was recorded so far."""
        until_s = time.perf_counter() if self.is_on else self._ended_s
        return Trace(
            loop=self._loop,
            begun=self._begun,
            total_s=until_s - self._began_s,
            tasks=tuple(track.as_task(self._began_s) for track in self._tracks),
            phases=tuple(self._phases),
            dropped=Dropped(self._dropped_tasks, self._dropped_slices, self._dropped_phases),
        )

    def _wrapped(self, coroutine: AnyCoroutine[Any]) -> "Recorded[Any] | None":
        """Return the coroutine in a wrapper; None where its task is not to be recorded."""
        if not self.is_on or not (self.running or self._takes_next):
            return None
        self._takes_next = False
        parent = self.running.number if self.running else None
        track = Track(len(self._tracks) + 1, parent, time.perf_counter(), name_of(coroutine))
        if len(self._tracks) < self._most_tasks:
            self._tracks.append(track)
        else:
            self._dropped_tasks += 1
            track.is_recorded = False
        return Recorded(coroutine, track, self)

    def ran(self, track: "Track", begin_s: float, end_s: float, awaits: str | None) -> None:
        """Note that a task ran."""
        if not track.is_recorded:
            return
        if self._slices_left:
            self._slices_left -= 1
            track.slices.append((begin_s, end_s, awaits))
        else:
            self._dropped_slices += 1


def plain_task(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Result], **more: Any
) -> asyncio.Task[Result]:
    """Return the task that a loop without a task factory makes."""
    return asyncio.Task(coroutine, loop=loop, **more)


class Track:
    """The record of one task. `task` is forgotten once it has ended and its name is known."""

    __slots__ = ("_name", "begin_s", "end_s", "is_recorded", "number", "outcome", "parent", "slices", "task")

    def __init__(self, number: int, parent: int | None, begin_s: float, name: str) -> None:
        self.number, self.parent, self.begin_s = number, parent, begin_s
        self.slices: list[tuple[float, float, str | None]] = []
        self.is_recorded = True
        self.end_s: float | None = None
        self.outcome: Outcome | None = None
        self.task: asyncio.Future[Any] | None = None
        self._name = name

    @property
    def name(self) -> str:
        """The name that the task was given, or else its coroutine's."""
        given = self.task.get_name() if isinstance(self.task, asyncio.Task) else self._name
        return self._name if DEFAULT_NAME.fullmatch(given) else given

    def ended(self, end_s: float, outcome: Outcome) -> None:
        """Note how and when the task ended. An eager task that ends while it is made gets its name only later."""
        self.end_s, self.outcome = end_s, outcome
        self._name, self.task = self.name, None

    def as_task(self, began_s: float) -> Task:
        """Return the task as a trace has it; `began_s`: when the trace began."""
        return Task(
            id=self.number,
            name=self.name,
            parent=self.parent,
            begin_s=self.begin_s - began_s,
            end_s=None if self.end_s is None else self.end_s - began_s,
            outcome=self.outcome,
            slices=tuple(Slice(begin - began_s, end - began_s, awaits) for begin, end, awaits in self.slices),
        )


class Recorded(Coroutine[Any, Any, Result]):
    """A coroutine that notes when it runs. In every other way it is the coroutine that it wraps."""

    __slots__ = ("__name__", "__qualname__", "_coroutine", "_recorder", "track")

    def __init__(self, coroutine: AnyCoroutine[Result], track: Track, recorder: Recorder) -> None:
        self._coroutine, self._recorder, self.track = coroutine, recorder, track
        self.__qualname__ = name_of(coroutine)
        self.__name__ = self.__qualname__.rpartition(".")[2]

    def send(self, value: Any) -> Any:
        """Resume the coroutine with a value."""
        return self._step(self._coroutine.send, value)

    def throw(self, *error: Any) -> Any:
        """Resume the coroutine with an exception."""
        return self._step(self._coroutine.throw, *error)

    def close(self) -> None:
        """End the coroutine where it waits."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Result]:
        coroutine = self._coroutine
        return coroutine if isinstance(coroutine, Generator) else coroutine.__await__()

    def _step(self, resume: Resume, *given: Any) -> object:
        recorder, track = self._recorder, self.track
        if not recorder.is_on:
            return resume(*given)
        before, recorder.running = recorder.running, track  # an eager task runs inside the one that makes it
        begin_s = time.perf_counter()
        awaits: str | None = None
        try:
            waited_for = resume(*given)
            awaits = innermost(self._coroutine, waited_for)
        except StopIteration:
            track.ended(time.perf_counter(), Outcome.RETURNED)
            raise
        except asyncio.CancelledError:
            track.ended(time.perf_counter(), Outcome.CANCELLED)
            raise
        except BaseException:
            track.ended(time.perf_counter(), Outcome.RAISED)
            raise
        finally:
            recorder.running = before
            recorder.ran(track, begin_s, time.perf_counter(), awaits)
        return waited_for

    # asyncio reads these to print a task or its stack.
    @property
    def cr_code(self) -> Any:
        """The coroutine's code."""
        return _of(self._coroutine, "code")

    @property
    def cr_frame(self) -> Any:
        """The coroutine's frame."""
        return _of(self._coroutine, "frame")

    @property
    def cr_running(self) -> Any:
        """Whether the coroutine is running."""
        return _of(self._coroutine, "running")

    @property
    def cr_await(self) -> Any:
        """The object that the coroutine waits for."""
        return awaited(self._coroutine)


def name_of(coroutine: object) -> str:
    """Return the name of the function that a coroutine is of."""
    return str(getattr(coroutine, "__qualname__", type(coroutine).__name__))


def _of(coroutine: object, what: str) -> Any:
    """Return an attribute that a coroutine has as `cr_…`, and a generator as `gi_…`."""
    return getattr(coroutine, f"cr_{what}", None) or getattr(coroutine, f"gi_{what}", None)


def awaited(coroutine: object) -> object:
    """Return what a coroutine, or a generator that is used as one, waits for."""
    found: object = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
    return found


def innermost(coroutine: object, waited_for: object) -> str:
    """Return the name of the innermost coroutine that waits; if the task's own does, the type of what it waits for."""
    inner = coroutine
    for _ in range(MAX_HOPS):
        following = awaited(inner)
        if following is None or not hasattr(following, "__qualname__"):
            break
        inner = following
    if inner is coroutine:
        return "another turn" if waited_for is None else type(waited_for).__name__
    return name_of(inner)
