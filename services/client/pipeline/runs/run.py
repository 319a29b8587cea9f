"""One run of an edition: progress, the stop by ^C, and what its errors become."""

import os
import time
from collections import Counter
from contextlib import suppress

from services.client.pipeline.edition import Edition, WorkOf
from services.client.pipeline.items import Items
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import QUEUE, Options
from services.client.pipeline.runs.results import ResultWriter
from services.client.settings import ClientSettings
from services.client.survey.deadlines import DeadlineSweeper
from services.client.survey.progress import NoProgress, Progress, ProgressView, progress_view
from services.client.survey.results.stats import Stats
from services.client.survey.results.writer import RecordWriter
from services.runtime.cli import INTERRUPTED
from services.runtime.errors import ProgramError
from services.runtime.run import Stop, innermost, until_stopped
from services.runtime.tasks import background_task

DETAIL_CHARACTERS = 200


class ConsumerFailed(ProgramError):
    """A producer or a consumer raised what is no result: the run has ended, and the ledger names what is unfinished."""

    exit_code = 1

    def __init__(self, error: BaseException) -> None:
        text = f"{type(error).__name__}: {error}"[:DETAIL_CHARACTERS]
        super().__init__(f"the pipeline has ended, because a consumer failed: {text}")
        self.error = error


class PipelineRun:
    """One run of an edition over its items."""

    def __init__(self, items: Items, ledger: Ledger, *, results: ResultWriter, writer: RecordWriter) -> None:
        self._items, self._ledger, self._results, self._writer = items, ledger, results, writer
        self._view: ProgressView = NoProgress()
        self._consumers = 1

    async def run(
        self, edition: Edition, work_of: WorkOf, *, options: Options, settings: ClientSettings, stop: Stop
    ) -> bool:
        """Run the edition, to its end or to a stop; return whether it was stopped. Raises ProgramError."""

        async def to_its_end() -> int:
            async with background_task(self._fail_with_output()):
                await edition(
                    self._items, work_of, self._results.emit, ledger=self._ledger, options=options, settings=settings
                )
            return 0

        self._consumers, began = options.consumers, time.perf_counter()
        view = progress_view(quiet=options.quiet, beside_records=os.isatty(1))
        try:
            with view as self._view, DeadlineSweeper(self._tick):
                return await until_stopped(to_its_end(), stop) == INTERRUPTED
        except Exception as error:
            first = innermost(error)
            if isinstance(first, ProgramError | MemoryError):
                raise first from None
            raise ConsumerFailed(first) from error
        finally:
            self._items.stop()
            self._results.flush()
            self._ledger.took_s = time.perf_counter() - began

    async def _fail_with_output(self) -> None:
        """Wait until the output cannot be written. Raises OutputClosed or OutputFailed.

        Results need not be there at that moment: where they are slow, the run would go on long for no reader.
        """
        await self._writer.failed.wait()
        if self._writer.error:
            raise self._writer.error

    def _tick(self) -> None:
        """Write what has come, and show the progress."""
        self._results.flush()
        self._writer.tick()
        stats, ledger = Stats(), self._ledger
        stats.done = len(ledger.attempted) - len(ledger.unfinished.without(ledger.noted))
        stats.errors = Counter(ledger.errors)
        if ledger.dead:
            stats.errors["dead-lettered"] = len(ledger.dead)
        in_flight, unwritten = self._in_flight_and_unwritten()
        fraction = self._fraction_done(stats.done)
        with suppress(OSError):  # stderr has been closed
            self._view.show(Progress(stats, in_flight, fraction, unwritten=unwritten))

    def _in_flight_and_unwritten(self) -> tuple[int, int]:
        """Return how many items are worked at, and how many have a result that waits for the output's reader."""
        unwritten = self._results.unwritten
        in_flight = len(self._ledger.in_flight.without(unwritten))
        if self._ledger.edition == QUEUE:  # more of them wait in the queue; and a consumer that is held works at none
            in_flight = min(in_flight, self._consumers - self._results.held)
        unread = min(in_flight, self._ledger.unread()) if self._results.held else 0
        return in_flight - unread, len(unwritten) + unread

    def _fraction_done(self, done: int) -> float | None:
        taken = len(self._ledger.attempted)
        fraction = self._items.fraction_taken(taken)
        return fraction * done / taken if fraction and taken else fraction
