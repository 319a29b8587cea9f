"""The process that is recorded: which program it runs, on which loop, from when to when, and at what cost."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from services.client.trace.facts import Program, process_of
from services.client.trace.model import Dropped, Process
from services.client.trace.tasks.clock import process_number, read_clock
from services.client.trace.tasks.overhead import cost_s
from services.client.trace.tasks.sums import NOT_YET, sums_of
from services.client.trace.tasks.track import Track

Work = Coroutine[Any, Any, None]

SLICE_COST_S: dict[bool, float] = {}  # with places and without, once it is measured


class RecordedProcess:
    """The process of one recording.

    `number`: of the process; `zero_s`: when the recording began, by the clock;
    `exit_code`: how the program ended, if it has.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.number = process_number()
        self.exit_code: int | None = None
        self._loop = ""
        self._read_clock()
        self._ended_s: float | None = self.zero_s

    def _read_clock(self) -> None:
        self._clock, self._begun = read_clock(), datetime.now(UTC)
        self.zero_s = self._clock.monotonic_s

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Note the time from which on the recording counts, and its loop."""
        self._read_clock()
        self._loop = type(loop).__module__.partition(".")[0]

    def goes_on(self) -> None:
        """Note that it is recorded from now on."""
        self._ended_s = None

    def end(self) -> None:
        """Note that it is recorded no longer."""
        self._ended_s = perf_counter()

    @property
    def total_s(self) -> float:
        """How long it has been recorded."""
        return (perf_counter() if self._ended_s is None else self._ended_s) - self.zero_s

    def as_process(self, tracks: Sequence[Track], dropped: Dropped, *, cost_s: Callable[[int], float]) -> Process:
        """Return the process as a trace has it. How long its tasks ran and waited is in it only when it has ended.

        `cost_s`: returns how long it took to record so many slices.
        """
        is_on = self._ended_s is None
        sums = NOT_YET if is_on else sums_of(tracks, until_s=self.total_s)
        return replace(
            process_of(self.program, self.number, clock=self._clock, begun=self._begun),
            loop=self._loop,
            total_s=self.total_s,
            exit_code=self.exit_code,
            work_s=sums.work_s,
            wait_s=sums.wait_s,
            overhead_s=None if is_on else cost_s(sums.slices),
            dropped=dropped,
        )


def slice_cost_s(follow: Callable[[Work], Work], *, places: bool) -> float:
    """Return how long it takes to record a slice, in seconds; measured once in a program.

    `follow`: returns a coroutine that is recorded, as the slices were.
    """
    if places not in SLICE_COST_S:
        SLICE_COST_S[places] = cost_s(follow)
    return SLICE_COST_S[places]
