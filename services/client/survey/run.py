"""What surrounds the fetching, in one process or in several: progress, stops, a failing output, the summary."""

import asyncio
import contextlib
import time

from services.client.survey.deadlines import DeadlineSweeper
from services.client.survey.progress import NoProgress, Progress, ProgressView, progress_view
from services.client.survey.results.stats import Stats, summary
from services.client.survey.results.writer import RecordWriter
from services.client.survey.targets import Source
from services.runtime.cli import INTERRUPTED
from services.runtime.process import HIGH_WATER, memory_kib
from services.runtime.run import Stop
from services.runtime.terminal import say

GRACE_S = 2.0  # for what is in flight when somebody asks to stop


class SurveyRun:
    """One run over a source; a subclass says how its targets are fetched."""

    processes = 1
    tells_stop = False  # whether a person is told what the first ^C does

    def __init__(self, source: Source, output: RecordWriter) -> None:
        self.tally = Stats()
        self._source, self._output = source, output
        self._view: ProgressView = NoProgress()
        self._watchman = DeadlineSweeper(self.tick)

    async def run(self, stop: Stop, shown: ProgressView) -> None:
        """Fetch all targets, or those that were taken before a stop was asked for. Raises ProgramError."""
        with shown as self._view, self._watchman:
            async with asyncio.TaskGroup() as group:
                minders = [group.create_task(self.mind_stop(stop)), group.create_task(self._mind_output())]
                await self.fetch_all(group)
                for minder in minders:
                    minder.cancel()
            await self._output.close(stop.again)
        if self._source.error:
            raise self._source.error

    @property
    def in_flight(self) -> int:
        """How many targets are being fetched."""
        raise NotImplementedError

    @property
    def unfinished(self) -> int:
        """How many targets would be given time to end."""
        return self.in_flight

    async def fetch_all(self, group: asyncio.TaskGroup) -> None:
        """Fetch every target that the source gives."""
        raise NotImplementedError

    def peak_kib(self) -> int:
        """Return the most memory that was held, by all processes together; 0 where the kernel does not say."""
        return memory_kib(figure=HIGH_WATER)

    def cut_off(self, after_s: float) -> None:
        """End whatever is still in flight then."""
        self._watchman.cut_off(after_s)

    def tick(self) -> None:
        """Do, now and then, what no worker does."""
        self._output.tick()
        with contextlib.suppress(OSError):  # stderr has gone: nobody watches
            self._view.show(Progress(self.tally, self.in_flight, self._fraction_done(), self._source.skipped))

    def _fraction_done(self) -> float | None:
        """Return how much of the input is done: what has been taken of it, less what is not done of that."""
        source = self._source
        taken, passed = source.skipped + source.taken, source.skipped + self.tally.done
        fraction = source.fraction_taken()
        return fraction * passed / taken if fraction and taken else fraction

    async def mind_stop(self, stop: Stop) -> None:
        """End softly at the first request, at once at the second."""
        await stop.event.wait()
        if self.tells_stop and (rest := self.unfinished):
            say(f"finishing {rest:,}; ^C again stops now")
        self._source.stop()
        self.cut_off(GRACE_S)
        await stop.again.wait()
        self.cut_off(0)

    async def _mind_output(self) -> None:
        """End at once when nothing can be written any more."""
        await self._output.failed.wait()
        self._source.stop()
        self.cut_off(0)


async def conduct(
    work: SurveyRun, source: Source, stop: Stop, *, quiet: bool, tutorial: bool, beside_records: bool
) -> int:
    """Do the work, say what came of it, and return the exit code."""
    began_s = time.monotonic()
    work.tells_stop = not quiet
    await work.run(stop, progress_view(quiet=quiet or tutorial, beside_records=beside_records))
    if not quiet and (stop.event.is_set() or not tutorial):
        took_s = time.monotonic() - began_s
        for line in summary(work.tally, took_s=took_s, skipped=source.skipped):
            say(line)
        if peak_kib := work.peak_kib():
            where = f" in {work.processes} processes" if work.processes > 1 else ""
            say(f"  peak memory {peak_kib / 1024:,.0f} MiB{where}")
    if stop.event.is_set():
        return INTERRUPTED
    if work.tally.answered == work.tally.done:
        return 0
    return 1 if work.tally.answered else 4
