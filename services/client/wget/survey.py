"""The survey: workers that take targets and leave records, and what keeps them within bounds.

    source -> workers (as many as --concurrency) -> output
                 |
              fetcher: look-up, connection, TLS, request, head

Every worker has at most one target, so memory grows with their number and not with the list. What may wait is
under the watchman, who ends it at its deadline or, after ^C, when the survey is over.
"""

import asyncio
import contextlib
import resource
import time

from services.client.errors import FetchError
from services.client.head import Limits
from services.client.names import Names
from services.client.settings import ClientSettings
from services.client.wget.command import Options, networks, open_output, targets_of
from services.client.wget.exchange import Manners
from services.client.wget.fetch import Fetcher
from services.client.wget.formats import FORMATS, Format, error_line
from services.client.wget.guard import Guard
from services.client.wget.output import Ordered, Output, stdout
from services.client.wget.pace import Pace
from services.client.wget.poll import Poller
from services.client.wget.progress import Progress, View, view
from services.client.wget.records import Record
from services.client.wget.routes import read_routes
from services.client.wget.source import ArgumentSource, Item, LineSource, Source, nothing_skipped, open_input
from services.client.wget.tally import Tally, summary
from services.client.wget.tls import Trust
from services.client.wget.url import read_target
from services.client.wget.watch import CutOff, Watch, Watchman
from services.runtime.command_line import INTERRUPTED, say
from services.runtime.limits import raise_open_files
from services.runtime.loop import running_loop_name
from services.runtime.run import Stop

GRACE_S = 2.0  # for what is in flight when somebody asks to stop
SPARE_FILES = 256  # the loop's own, standard streams, look-ups
MOST_PARKED = 1_024  # targets that wait for --per-host while others use their slots
ORDER_WINDOW = 4  # times the workers
BATCH = 32
LARGE_HEAD_BYTES = 16 * 1024


async def run_survey(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Fetch every target, and return the exit code. Raises ProgramError before anything is written or fetched."""
    concurrency = fitting(options.concurrency, settings.files_per_connection)
    with Poller() as poller:
        return await survey_with(make_fetcher(options, settings, poller, concurrency), options, concurrency, stop)


async def survey_with(fetcher: Fetcher, options: Options, concurrency: int, stop: Stop) -> int:
    """Open input and output, and fetch every target."""
    input_fd = None if options.input is None else open_input(options.input)
    fd, done = (stdout(), None) if options.output is None else open_output(options, input_fd)
    skip = done.has if done else nothing_skipped
    if input_fd is None or options.input is None:
        source: Source = ArgumentSource(targets_of(options), skip)
    else:
        source = LineSource(input_fd, "standard input" if options.input == "-" else options.input, skip)
    output = Output(fd, options.output or "standard output", to_file=options.output is not None)
    if not (done and done.count):
        output.write(FORMATS[options.format].opening)
    parked = min(3 * concurrency, MOST_PARKED) if options.per_host else 0
    survey = Survey(source, fetcher, output, FORMATS[options.format], ordered=options.ordered)
    return await survey.run(concurrency + parked, stop, tutorial=is_tutorial(options), quiet=options.quiet)


def is_tutorial(options: Options) -> bool:
    """Return whether a few heads are shown to a person, as in the tutorial: then nothing is said beside them."""
    return options.format == "human" and options.input is None and options.output is None


def make_fetcher(options: Options, settings: ClientSettings, poller: Poller, concurrency: int) -> Fetcher:
    """Return the fetcher that the options describe. Raises ProgramError."""
    manners = Manners(
        total_s=options.timeout_s,
        connect_s=options.connect_timeout_s,
        head_s=options.head_timeout_s,
        retries=options.retries,
        follow=options.follow,
        max_redirects=options.max_redirects,
        strict=options.strict,
        user_agent=options.user_agent,
        limits=Limits(max_head=options.max_head, max_fields=options.max_fields),
    )
    return Fetcher(
        manners,
        Names(),
        poller,
        loop=running_loop_name(),
        topology=settings.topology.with_routes(read_routes(options.resolve)),
        guard=Guard(public_only=options.public_only, allowed=networks(options.allow_net)),
        trust=Trust(ca=options.ca, insecure=options.insecure),
        pace=Pace(options.rate),
        per_host=options.per_host,
        at_once=concurrency if options.per_host else 0,
    )


def fitting(concurrency: int, files_per_connection: int) -> int:
    """Return how many fetches at once fit into the open files that this process may have; say so if that is fewer."""
    limit = raise_open_files()
    most = max(1, (limit - min(SPARE_FILES, limit // 2)) // files_per_connection)
    if concurrency > most:
        say(
            f"wget: {concurrency:,} at once need more than the {limit:,} open files allowed here (ulimit -Hn): {most:,}"
        )
    return min(concurrency, most)


class Survey:
    """One run: what the workers share."""

    def __init__(self, source: Source, fetcher: Fetcher, output: Output, form: Format, *, ordered: bool) -> None:
        self.tally = Tally()
        self.in_flight = 0
        self._source, self._fetcher, self._output, self._form = source, fetcher, output, form
        self._is_ordered = ordered
        self._view: View | None = None
        self._finished: list[tuple[Record, int]] = []
        self._watchman = Watchman(self._tick)

    async def run(self, workers: int, stop: Stop, *, tutorial: bool, quiet: bool) -> int:
        """Work until all is done or a stop is asked for, say what came of it, and return the exit code."""
        began_s = time.monotonic()
        self._ordered = Ordered(self._output, ORDER_WINDOW * workers) if self._is_ordered else None
        with view(quiet=quiet or tutorial) as self._view, self._watchman:
            await self._work_all(workers, stop)
            self._settle()
            await self._output.close(stop.again)
        if self._source.error:
            raise self._source.error
        if not quiet and (stop.event.is_set() or not tutorial):
            peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            took_s = time.monotonic() - began_s
            for line in summary(self.tally, took_s=took_s, skipped=self._source.skipped, peak_bytes=peak_bytes):
                say(line)
        return INTERRUPTED if stop.event.is_set() else exit_code(self.tally)

    async def _work_all(self, workers: int, stop: Stop) -> None:
        async with asyncio.TaskGroup() as group:
            minders = [group.create_task(self._mind_stop(stop)), group.create_task(self._mind_output())]
            await asyncio.wait([group.create_task(self._work()) for _ in range(workers)])
            for minder in minders:
                minder.cancel()

    async def _mind_stop(self, stop: Stop) -> None:
        """End softly at the first request, at once at the second."""
        await stop.event.wait()
        self._source.stop()
        self._watchman.cut_off(GRACE_S)
        await stop.again.wait()
        self._watchman.cut_off(0)

    async def _mind_output(self) -> None:
        """End at once when nothing can be written any more."""
        await self._output.failed.wait()
        self._source.stop()
        self._watchman.cut_off(0)

    async def _work(self) -> None:
        watch = self._watchman.watch()
        with contextlib.suppress(CutOff):
            while item := await self._next(watch):
                self.in_flight += 1
                place = self._source.taken - 1
                record = await self._fetched(item, place, watch)
                self.in_flight -= 1
                self._finish(record, place)

    async def _next(self, watch: Watch) -> Item | None:
        await self._output.room(watch)
        return await self._source.next(watch)

    async def _fetched(self, item: Item, place: int, watch: Watch) -> Record:
        if self._ordered:
            try:
                await self._ordered.room(place, watch)
            except CutOff:
                return self._fetcher.cancelled(item)
        if not self._is_ordered:
            self._output.write(self._begun(item))
        return await self._fetcher.record(item, watch)

    def _begun(self, item: Item) -> bytes:
        """Return what is shown when a fetch begins."""
        if self._form.tells_errors:
            return b""
        try:
            return self._form.begun(read_target(item.text).host)
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

    def _show(self, record: Record, place: int) -> None:
        if record.error and not self._form.tells_errors:
            with contextlib.suppress(OSError):
                say(error_line(record))
        data = self._form.ended(record)
        if self._ordered is None:
            self._output.write(data)
        else:
            self._ordered.write(place, self._begun(Item(record.line, record.target)) + data)

    def _tick(self) -> None:
        """Do, now and then, what no worker does."""
        self._settle()
        self._output.tick()
        if self._view:
            with contextlib.suppress(OSError):  # stderr has gone: nobody watches
                self._view.show(Progress(self.tally, self.in_flight, self._source.done_of_all()))


def exit_code(tally: Tally) -> int:
    """Return 0 if all answered, 1 if some did, 4 if none did."""
    if tally.answered == tally.done:
        return 0
    return 1 if tally.answered else 4
