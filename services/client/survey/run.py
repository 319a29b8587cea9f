"""One run over a source: it holds the pool that fetches, and surrounds it with progress, stops and the summary."""

import asyncio
import contextlib
import time
from typing import Protocol

from services.client.errors import NOTHING_ANSWERED
from services.client.survey.deadlines import DeadlineSweeper
from services.client.survey.progress import NoProgress, Progress, ProgressView, progress_view
from services.client.survey.results.stats import Stats, summary
from services.client.survey.results.writer import RecordWriter
from services.client.survey.targets import Source
from services.runtime.cli import INTERRUPTED
from services.runtime.run import Stop
from services.runtime.terminal import say

GRACE_S = 2.0  # for what is in flight when a stop is asked for


class Pool(Protocol):
    """A pool that fetches the targets of a source and writes their records: of tasks, or of worker processes."""

    stats: Stats
    processes: int

    @property
    def in_flight(self) -> int:
        """How many targets are being fetched."""
        ...

    @property
    def unfinished(self) -> int:
        """How many targets get time to end after a stop."""
        ...

    async def fetch_all(self, group: asyncio.TaskGroup, sweeper: DeadlineSweeper) -> None:
        """Fetch every target that the source gives, in tasks of this group, with deadlines of this sweeper."""
        ...

    def update(self) -> None:
        """Bring `stats` and the output up to date; called at each sweep."""
        ...

    def stop_after(self, seconds: float) -> float:
        """End what is in flight after that time; return the seconds after which no wait is left."""
        ...

    def peak_kib(self) -> int:
        """Return the most memory that was held, by all processes together; 0 where the kernel does not say."""
        ...


class SurveyRun:
    """One run of a pool over a source."""

    def __init__(self, source: Source, writer: RecordWriter, pool: Pool) -> None:
        self._source, self._writer, self._pool = source, writer, pool
        self._view: ProgressView = NoProgress()
        self._sweeper = DeadlineSweeper(self._tick)

    async def run(self, stop: Stop, view: ProgressView, *, tells_stop: bool = False) -> None:
        """Fetch all targets, or those that were taken before a stop was asked for. Raises ProgramError.

        `tells_stop`: whether a person is told what the first ^C does.
        """
        with view as self._view, self._sweeper:
            async with asyncio.TaskGroup() as group:
                watchers = [
                    group.create_task(self._watch_stop(stop, tells_stop=tells_stop)),
                    group.create_task(self._watch_writer()),
                ]
                await self._pool.fetch_all(group, self._sweeper)
                self._show(ended=True)
                for watcher in watchers:
                    watcher.cancel()
            await self._writer.close(stop.again)
        if self._source.input.error:
            raise self._source.input.error

    def _tick(self) -> None:
        """Do what is due at each sweep."""
        self._pool.update()
        self._writer.tick()
        self._show()

    def _show(self, *, ended: bool = False) -> None:
        pool, skipped = self._pool, self._source.skipped
        with contextlib.suppress(OSError):  # stderr has been closed
            self._view.show(Progress(pool.stats, pool.in_flight, self._fraction_done(), skipped, ended))

    def _fraction_done(self) -> float | None:
        """Return how much of the input is done: what has been taken of it, less what is not done of that."""
        source = self._source
        taken, passed = source.skipped + source.taken, source.skipped + self._pool.stats.done
        fraction = source.input.fraction_taken()
        return fraction * passed / taken if fraction and taken else fraction

    async def _watch_stop(self, stop: Stop, *, tells_stop: bool) -> None:
        """End softly at the first request, at once at the second."""
        await stop.event.wait()
        if tells_stop and (rest := self._pool.unfinished):
            say(f"finishing {rest:,}; ^C again stops now")
        self._stop_after(GRACE_S)
        await stop.again.wait()
        self._stop_after(0)

    async def _watch_writer(self) -> None:
        """End at once when nothing can be written any more."""
        await self._writer.failed.wait()
        self._stop_after(0)

    def _stop_after(self, seconds: float) -> None:
        self._source.stop()
        self._sweeper.stop_after(self._pool.stop_after(seconds))


async def run_pool(
    pool: Pool, source: Source, *, writer: RecordWriter, stop: Stop, quiet: bool, tutorial: bool, beside_records: bool
) -> int:
    """Run a pool over a source with progress and a summary for a person, and return the exit code.

    `tutorial`: whether the output is the tutorial's, so that nothing else is said. `beside_records`: whether records go
    to the terminal, too. Raises ProgramError.
    """
    began_s = time.monotonic()
    view = progress_view(quiet=quiet or tutorial, beside_records=beside_records)
    await SurveyRun(source, writer, pool).run(stop, view, tells_stop=not quiet)
    stats = pool.stats
    if not quiet and (stop.event.is_set() or not tutorial):
        took_s = time.monotonic() - began_s
        for line in summary(stats, took_s=took_s, skipped=source.skipped):
            say(line)
        if peak_kib := pool.peak_kib():
            where = f" in {pool.processes} processes" if pool.processes > 1 else ""
            say(f"  peak memory {peak_kib / 1024:,.0f} MiB{where}")
    if stop.event.is_set():
        return INTERRUPTED
    if stats.answered == stats.done:
        return 0
    return 1 if stats.answered else NOTHING_ANSWERED
