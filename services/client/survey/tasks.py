"""The pool of one process: tasks that take targets, one at a time, and leave records.

Every task has at most one target, so memory grows with the number of tasks and not with the list.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

from services.client.errors import FetchError
from services.client.survey.deadlines import Deadline, DeadlineSweeper, SurveyStopped
from services.client.survey.fetch.fetcher import Fetcher
from services.client.survey.fetch.policy import CANCELLED
from services.client.survey.options import Options
from services.client.survey.results.formats import format_of
from services.client.survey.results.record import Record
from services.client.survey.results.stats import Stats
from services.client.survey.results.writer import OrderedWriter, RecordWriter
from services.client.survey.targets import Source, Target
from services.client.url.url import Url
from services.runtime.process import HIGH_WATER, memory_kib
from services.runtime.terminal import say

if TYPE_CHECKING:
    from services.client.trace.recorder import Recorder

ORDER_WINDOW = 4  # times the tasks
BATCH = 32
LARGE_HEAD_BYTES = 16 * 1024
MAX_WAITING = 1_024  # tasks whose targets wait for --per-host while others use their slots


def task_count(options: Options, concurrency: int) -> int:
    """Return how many tasks keep so many fetches going: more where some of them wait for --per-host."""
    return concurrency + (min(3 * concurrency, MAX_WAITING) if options.per_host else 0)


class TaskPool:
    """Tasks of this process. `say_error` takes the line for a person that says why a target has no head."""

    processes = 1

    def __init__(
        self,
        source: Source,
        writer: RecordWriter,
        *,
        fetcher: Fetcher,
        options: Options,
        concurrency: int,
        say_error: Callable[[str], None] = say,
        recorder: "Recorder | None" = None,
    ) -> None:
        self.stats = Stats()
        self._source, self._writer, self._fetcher, self._say_error = source, writer, fetcher, say_error
        self._recorder = recorder
        self._tasks = task_count(options, concurrency)
        self._form = format_of(options)
        self._ordered = OrderedWriter(writer, ORDER_WINDOW * self._tasks) if options.ordered else None
        self._finished: list[tuple[Record, int, bytes]] = []
        self._busy = 0

    @property
    def in_flight(self) -> int:
        """How many targets are being fetched, without those that wait for --rate or --per-host."""
        return self._busy - self._fetcher.waiting

    @property
    def unfinished(self) -> int:
        """How many targets get time to end after a stop."""
        return self.in_flight

    async def fetch_all(self, group: asyncio.TaskGroup, sweeper: DeadlineSweeper) -> None:
        """Fetch every target that the source gives."""
        await asyncio.wait([group.create_task(self._worker(sweeper.deadline())) for _ in range(self._tasks)])
        self.update()

    def update(self) -> None:
        """Count and write the records that have been put aside."""
        finished, self._finished = self._finished, []
        self.stats.add(*(record for record, _, _ in finished))
        for record, index, begun in finished:
            self._write(record, index, begun)

    def stop_after(self, seconds: float) -> float:
        """End what is in flight after that time; return the seconds after which no wait is left."""
        return seconds

    def peak_kib(self) -> int:
        """Return the most memory that was held; 0 where the kernel does not say."""
        return memory_kib(figure=HIGH_WATER)

    def _worker(self, deadline: Deadline) -> Coroutine[None, None, None]:
        """Return the coroutine of a task; a recorder follows it, and has a lane for each of its fetches."""
        fetching = self._fetch_targets(deadline)
        return self._recorder.followed(fetching) if self._recorder else fetching

    async def _fetch_targets(self, deadline: Deadline) -> None:
        """Fetch targets, one after another, until there are no more."""
        with contextlib.suppress(SurveyStopped):
            while target := self._next_at_once() or await self._next(deadline):
                index = self._source.taken - 1
                self._busy += 1
                url = self._fetcher.url_of(target)
                begun = b"" if self._form.has_errors else self._begun(url)
                fetching = self._fetching(target, url, deadline, index=index, begun=begun)
                record = await (self._in_lane(target, url, fetching) if self._recorder else fetching)
                self._busy -= 1
                self._finish(record, index, begun)

    def _in_lane(
        self, target: Target, url: Url | FetchError, fetching: Coroutine[None, None, Record]
    ) -> Coroutine[None, None, Record]:
        """Return a fetch that is made in a lane of the trace, which has the host's name."""
        from services.client.survey.fetch.lanes import in_lane

        assert self._recorder  # noqa: S101 - for mypy
        return in_lane(self._recorder, target.text if isinstance(url, FetchError) else url.authority, fetching)

    def _next_at_once(self) -> Target | None:
        """Return a target, if that needs no wait."""
        return self._source.pop() if self._writer.has_room else None

    async def _next(self, deadline: Deadline) -> Target | None:
        await self._writer.room(deadline)
        return await self._source.next(deadline)

    def _fetching(
        self, target: Target, url: Url | FetchError, deadline: Deadline, *, index: int, begun: bytes
    ) -> Coroutine[None, None, Record]:
        """Return the coroutine that fetches a target, once what is shown at its begin has been written."""
        if self._ordered is not None:
            return self._fetch_in_order(target, url, ordered=self._ordered, index=index, deadline=deadline)
        if begun:
            self.update()  # what has ended is shown before
            self._writer.write(begun)
        return self._fetcher.record(target, url, deadline)

    async def _fetch_in_order(
        self, target: Target, url: Url | FetchError, *, ordered: OrderedWriter, index: int, deadline: Deadline
    ) -> Record:
        """Fetch a target once there is room for its record behind those before it."""
        try:
            await ordered.room(index, deadline)
        except SurveyStopped:
            return self._fetcher.unfetched(target, FetchError(*CANCELLED))
        return await self._fetcher.record(target, url, deadline)

    def _begun(self, url: Url | FetchError) -> bytes:
        """Return what is shown when a fetch begins."""
        return b"" if isinstance(url, FetchError) else self._form.begun(url.authority)

    def _finish(self, record: Record, index: int, begun: bytes) -> None:
        """Put a record aside, with others: what is done for many in a row takes half the time."""
        self._finished.append((record, index, begun))
        if len(self._finished) == BATCH or (record.head and len(record.head.raw) > LARGE_HEAD_BYTES):
            self.update()

    def _write(self, record: Record, index: int, begun: bytes) -> None:
        if record.error and (line := self._form.error_line(record)):
            self._say_error(line)
        data = self._form.ended(record)
        if self._ordered is None:
            self._writer.write(data)
        else:
            self._ordered.write(index, begun + data)
