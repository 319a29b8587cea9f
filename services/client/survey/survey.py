"""The survey: workers that take targets and leave records, and what keeps them within bounds.

    source -> workers (as many as --concurrency) -> output
                 |
              fetcher: look-up, connection, TLS, request, head

Every worker has at most one target, so memory grows with their number and not with the list. What may wait is
under the watchman, who ends it at its deadline or, after ^C, when the survey is over. A long list is fetched by several
processes, each with workers of its own: see `team`.
"""

import asyncio
import contextlib
import os
from functools import partial

from services.client.errors import FetchError
from services.client.settings import ClientSettings
from services.client.survey.deadlines import Deadline, DeadlineSweeper, SurveyStopped
from services.client.survey.fetch.fetcher import Fetcher
from services.client.survey.options import Options, targets_of
from services.client.survey.prepare import fitting, make_fetcher, processes_for, workers_for
from services.client.survey.results.completed import DoneTargets, SkipDone
from services.client.survey.results.file import Opened, open_output, open_stdout
from services.client.survey.results.formats import format_of
from services.client.survey.results.record import Record
from services.client.survey.results.resume import WrittenRecords
from services.client.survey.results.writer import OrderedWriter, RecordWriter
from services.client.survey.run import SurveyRun, conduct
from services.client.survey.targets import ArgumentSource, LineSource, Skip, Source, Target, called, open_input
from services.client.survey.transport.epoll import Poller
from services.client.url.url import read_target
from services.runtime.cli import INTERRUPTED
from services.runtime.run import Stop, first_error
from services.runtime.tasks import run_in_daemon_thread
from services.runtime.terminal import say

ORDER_WINDOW = 4  # times the workers
BATCH = 32
LARGE_HEAD_BYTES = 16 * 1024


async def run_survey(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Fetch every target, and return the exit code. Raises ProgramError before anything is written or fetched."""
    concurrency = fitting(options.concurrency, settings.files_per_connection)
    with Poller() as poller:
        fetcher = make_fetcher(options, settings, poller, concurrency)
        source, output, opened = await open_both(options)
        processes = processes_for(options, concurrency)
        survey = TaskPool(source, output, fetcher, options, workers=workers_for(options, concurrency))
        # A few heads for a person are shown as in the tutorial: nothing is said beside them.
        tutorial = options.format == "human" and options.input is None and options.output is None
        beside_records = options.output is None and os.isatty(1)
        conducted = partial(conduct, quiet=options.quiet, tutorial=tutorial, beside_records=beside_records)
        code = None
        if processes > 1 and (options.processes or await is_long(source, stop)):
            from services.client.survey.processes import NoWorkerProcess, ProcessPool

            try:
                code = await conducted(
                    ProcessPool(source, output, options, settings, concurrency, processes), source, stop
                )
            except* NoWorkerProcess as problems:
                if options.processes:
                    raise
                say(f"wget: {first_error(problems)}; going on with one")
        if code is None:
            code = await conducted(survey, source, stop)
        if opened and code != INTERRUPTED:
            await run_in_daemon_thread(opened.finish)
        return code


async def open_both(options: Options) -> tuple[Source, RecordWriter, Opened | None]:
    """Open input and output, in this order: the output is not touched if there is no input. Raises ProgramError."""
    form = format_of(options)
    input_fd = None if options.input is None else open_input(options.input)
    opened = None if options.output is None else await run_in_daemon_thread(partial(open_output, options, input_fd))
    fd = opened.fd if opened else open_stdout(input_fd)
    if input_fd is None or options.input is None:
        source: Source = ArgumentSource(targets_of(options))
    else:
        source = LineSource(input_fd, called(options.input))
    kept = opened.kept if opened else None
    if opened and kept and kept.count:
        source.skip = skip_of(opened, kept, source)
    source.begin()
    output = RecordWriter(fd, options.output or "standard output", to_file=opened is not None)
    if opened:
        opened.begin()  # now that nothing can go wrong any more
    if not (kept and kept.count):
        output.write(form.opening)
    return source, output, opened


def skip_of(opened: Opened, kept: WrittenRecords, source: Source) -> Skip:
    """Return what a resumed survey skips: by line, or by target where the list has changed. Raises InputUnreadable."""

    def tell() -> None:
        say(f"wget: the list has changed since {opened.name} was begun: what it has of a target is not asked for again")

    def targets() -> DoneTargets:
        with open(opened.fd, "rb", closefd=False) as file:
            return kept.targets(file)

    items = source.items()
    if items is None:  # a pipe: it will show
        return SkipDone(kept.lines, targets(), changed=tell)
    if kept.lines.are_of((item.line, item.text) for item in items):
        return kept.lines.has
    tell()
    done = targets()
    return lambda _line, target: done.take(target)


async def is_long(source: Source, stop: Stop) -> bool:
    """Return whether the input has so much waiting that several processes are worth their start."""
    with DeadlineSweeper() as watchman:
        looking = asyncio.ensure_future(source.is_long(watchman.watch()))
        stopping = asyncio.ensure_future(stop.event.wait())
        try:
            await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return looking.done() and looking.result()
        finally:
            looking.cancel()
            stopping.cancel()


class TaskPool(SurveyRun):
    """The work of one process: workers, and what they share."""

    def __init__(
        self, source: Source, output: RecordWriter, fetcher: Fetcher, options: Options, *, workers: int
    ) -> None:
        super().__init__(source, output)
        self._fetcher, self._workers = fetcher, workers
        self._form = format_of(options)
        self._ordered = OrderedWriter(output, ORDER_WINDOW * workers) if options.ordered else None
        self._finished: list[tuple[Record, int]] = []
        self._busy = 0

    @property
    def in_flight(self) -> int:
        """How many workers have a target that does not wait for its turn."""
        return self._busy - self._fetcher.parked

    async def fetch_all(self, group: asyncio.TaskGroup) -> None:
        """Let all workers work until there is nothing more to do."""
        await asyncio.wait([group.create_task(self._work()) for _ in range(self._workers)])
        self._settle()

    def tick(self) -> None:
        """Show what was put aside, too."""
        self._settle()
        super().tick()

    async def _work(self) -> None:
        watch = self._watchman.watch()
        with contextlib.suppress(SurveyStopped):
            while item := self._at_once() or await self._next(watch):
                self._busy += 1
                place = self._source.taken - 1
                record = await self._fetched(item, place, watch)
                self._busy -= 1
                self._finish(record, place)

    def _at_once(self) -> Target | None:
        """Return a target, if nobody has to wait for it."""
        return self._source.pop() if self._output.has_room else None

    async def _next(self, watch: Deadline) -> Target | None:
        await self._output.room(watch)
        return await self._source.next(watch)

    async def _fetched(self, item: Target, place: int, watch: Deadline) -> Record:
        if self._ordered:
            try:
                await self._ordered.room(place, watch)
            except SurveyStopped:
                return self._fetcher.cancelled(item)
        else:
            self._write_begun(item)
        return await self._fetcher.record(item, watch)

    def _write_begun(self, item: Target) -> None:
        """Show that a fetch begins, and before it what has ended."""
        if begun := self._begun(item):
            self._settle()
            self._output.write(begun)

    def _begun(self, item: Target) -> bytes:
        """Return what is shown when a fetch begins."""
        if self._form.tells_errors:
            return b""
        try:
            return self._form.begun(read_target(item.text).authority)
        except FetchError:
            return b""

    def _finish(self, record: Record, place: int) -> None:
        """Put a record aside, with others: what is done for many in a row takes half the time."""
        self._finished.append((record, place))
        if len(self._finished) == BATCH or (record.head and len(record.head.raw) > LARGE_HEAD_BYTES):
            self._settle()

    def _settle(self) -> None:
        """Count and show the records that were put aside."""
        finished, self._finished = self._finished, []
        for record, place in finished:
            self.tally.add(record)
            self._show(record, place)

    def _say(self, line: str) -> None:
        """Say why there is no head."""
        say(line)

    def _show(self, record: Record, place: int) -> None:
        if record.error and (line := self._form.error_line(record)):
            self._say(line)
        data = self._form.ended(record)
        if self._ordered is None:
            self._output.write(data)
        else:
            self._ordered.write(place, self._begun(Target(record.line, record.target)) + data)
