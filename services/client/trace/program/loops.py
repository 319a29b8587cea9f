"""A recorder for every event loop that a program makes, however it makes and runs it.

A loop gets its recorder when it is made: by `asyncio.run`, by a Runner, by `uvloop.run`, by anyio, or by hand. Tasks
may be made before it runs. It may run several times, and beside loops in other threads. So the classes of both loops
are changed while a program is recorded: their `__init__` and `run_forever`, and the two methods about task factories,
because a program may set a factory, and must get back the one that it has set.
"""

import asyncio
import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from services.client.trace.facts import Program
from services.client.trace.recorder import Recorder
from services.client.trace.tasks.task_factory import TaskFactory, task_factory

MAX_LOOPS = 64  # of a program that makes ever more, the others run unrecorded

Loop = asyncio.AbstractEventLoop
Method = Callable[..., Any]


class LoopRecorders:
    """The recorders of a program's loops. `recorders`: of those that have run, in the order in which they first did."""

    def __init__(self, program: Program, *, places: bool, held_s: float) -> None:
        self.recorders: list[Recorder] = []
        self._program, self._places, self._held_s = program, places, held_s
        self._by_loop: WeakKeyDictionary[Loop, Recorder] = WeakKeyDictionary()
        self._set_by_program: WeakKeyDictionary[Loop, TaskFactory] = WeakKeyDictionary()
        self._lock = threading.Lock()  # loops may begin in several threads
        self._made = 0

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record every loop that is made inside."""
        changed = [(kind, name, changed) for kind in loop_classes() for name, changed in self._changes(kind).items()]
        before = {(kind, name): kind.__dict__.get(name) for kind, name, _ in changed}
        for kind, name, method in changed:
            setattr(kind, name, method)
        try:
            yield
        finally:
            for (kind, name), own in before.items():
                if own is None:
                    delattr(kind, name)
                else:
                    setattr(kind, name, own)

    def _changes(self, kind: type[Any]) -> dict[str, Method]:
        """Return the methods that a class of loops gets for as long as a program is recorded."""
        make: Method = kind.__init__
        run_forever: Method = kind.run_forever
        set_factory: Method = kind.set_task_factory

        @functools.wraps(make)
        def made(loop: Loop, *more: Any, **named: Any) -> None:
            make(loop, *more, **named)
            if recorder := self._new_recorder(loop):
                set_factory(loop, task_factory(recorder, None))

        @functools.wraps(run_forever)
        def run(loop: Loop) -> None:
            recorder = self._by_loop.get(loop)
            if recorder is None:
                run_forever(loop)
                return
            self._begin(recorder)
            recorder.goes_on(loop)
            try:
                run_forever(loop)
            finally:
                recorder.end()

        def set_task_factory(loop: Loop, factory: TaskFactory | None) -> None:
            recorder = self._by_loop.get(loop)
            set_factory(loop, task_factory(recorder, factory) if recorder else factory)
            self._set_by_program[loop] = factory

        def get_task_factory(loop: Loop) -> TaskFactory | None:
            return self._set_by_program.get(loop)

        return {
            "__init__": made,
            "run_forever": run,
            "set_task_factory": set_task_factory,
            "get_task_factory": get_task_factory,
        }

    def _begin(self, recorder: Recorder) -> None:
        """Add the recorder of a loop that runs for the first time; from the second on, each has a title."""
        with self._lock:
            if recorder in self.recorders:
                return
            if self.recorders:
                recorder.own.program = replace(self._program, title=f"loop {len(self.recorders) + 1}")
            self.recorders.append(recorder)

    def _new_recorder(self, loop: Loop) -> Recorder | None:
        if self._made == MAX_LOOPS:
            return None
        self._made += 1
        recorder = Recorder(self._program, places=self._places, held_s=self._held_s)
        recorder.begin(loop, all_tasks=True)
        self._by_loop[loop] = recorder
        return recorder


def loop_classes() -> list[type[Any]]:
    """Return the classes of all loops that can be recorded: Python's own and, where it is installed, uvloop's."""
    found: list[type[Any]] = [asyncio.BaseEventLoop]
    with suppress(ImportError):
        import uvloop

        found.append(uvloop.Loop)
    return found
