"""The record of one task while it is recorded: a lane of every picture.

Nothing that takes time is done while the task runs. A slice of its time is three numbers; which function, kind and
place the third stands for is found out when a trace is made of it.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from services.client.trace.model import Outcome, Slice, Task, bounded
from services.client.trace.tasks.waits import Waits

DEFAULT_NAME = re.compile(r"Task-\d+|None")  # None: so does Python 3.13.5 where there is a task factory


class Track:
    """The record of one task. `task` is forgotten once it has ended and its name is known.

    `made_s`: when it was made, by the clock; all other times that are public are from the trace's beginning.
    """

    __slots__ = (
        "_end_s",
        "_name",
        "_zero_s",
        "borders",
        "error",
        "group",
        "id",
        "is_recorded",
        "made_s",
        "note",
        "ok",
        "outcome",
        "parent",
        "process",
        "raw",
        "task",
        "waits",
    )

    def __init__(
        self, number: int, name: str, *, parent: int | None, process: int, begin_s: float, zero_s: float, waits: Waits
    ) -> None:
        self.id, self.parent, self.process = number, parent, process
        self.group: int | None = None
        self.raw: list[float] = []  # of each slice its begin, its end, and the number of its wait
        self.waits = waits
        self.borders: list[float] = []
        self.is_recorded = True
        self.outcome: Outcome | None = None
        self.error = self.note = ""
        self.ok = True
        self.task: asyncio.Future[Any] | None = None
        self.made_s, self._end_s, self._zero_s = begin_s, None, zero_s
        self._name = name

    _end_s: float | None

    @property
    def name(self) -> str:
        """The name that the task was given, or else its coroutine's."""
        given = self.task.get_name() if isinstance(self.task, asyncio.Task) else self._name
        return bounded(self._name if DEFAULT_NAME.fullmatch(given) else given)

    @property
    def begin_s(self) -> float:
        """When it was made."""
        return self.made_s - self._zero_s

    @property
    def end_s(self) -> float | None:
        """When it ended; None where it has not."""
        return None if self._end_s is None else self._end_s - self._zero_s

    def ended(self, end_s: float, outcome: Outcome) -> None:
        """Note how a lane ended, and when, from the trace's beginning."""
        self.ends(end_s + self._zero_s, outcome)

    def ends(self, end_s: float, outcome: Outcome) -> None:
        """Note how and when the task ended, by the clock. An eager task that ends at once gets its name only later."""
        self._end_s, self.outcome = end_s, outcome
        if self.task is not None:
            self._name, self.task = self.name, None

    def finish(self, note: str, *, ok: bool) -> None:
        """Note how the task's work ended, as `200 OK`, and whether that was well."""
        self.note, self.ok = bounded(note), ok

    def slices_from(self, count: int) -> Sequence[Slice]:
        """Return the slices behind the first `count`."""
        zero_s, found = self._zero_s, self.raw[3 * count :]
        times = zip(found[0::3], found[1::3], found[2::3], strict=True)
        return [Slice(begin - zero_s, end - zero_s, *self.waits.described(wait)) for begin, end, wait in times]

    def as_task(self) -> Task:
        """Return the task as a trace has it."""
        return Task(
            id=self.id,
            name=self.name,
            parent=self.parent,
            begin_s=self.begin_s,
            end_s=self.end_s,
            outcome=self.outcome,
            slices=tuple(self.slices_from(0)),
            error=self.error,
            note=self.note,
            ok=self.ok,
            process=self.process,
            group=self.group,
        )


def text_of(error: BaseException) -> str:
    """Return an error's type and text, as the last line of a traceback has them."""
    try:
        text = str(error)
    except (Exception, SystemExit):  # in a recorded program's own method
        text = ""
    return bounded(f"{type(error).__name__}: {text}" if text else type(error).__name__)
