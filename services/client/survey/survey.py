"""The survey: input, output and the pool that fits are put together here, and run.

    source -> pool of tasks (as many as --concurrency) -> writer
                 |
              fetcher: look-up, connection, TLS, request, head

The targets of a long list are fetched by several processes, each with a pool of tasks: see `processes`. Every wait has
a deadline, of its phase or, after ^C, of the survey: see `deadlines`.
"""

import asyncio
import contextlib
import os
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING

from services.client.settings import ClientSettings
from services.client.survey.deadlines import DeadlineSweeper
from services.client.survey.fetch.fetcher import make_fetcher
from services.client.survey.input_file import input_name, open_input
from services.client.survey.lines import Lines
from services.client.survey.options import Options, targets_of
from services.client.survey.results.completed import DoneTargets, SkipDone
from services.client.survey.results.file import OutputFile, open_output, open_stdout
from services.client.survey.results.formats import format_of
from services.client.survey.results.resume import WrittenRecords
from services.client.survey.results.writer import RecordWriter
from services.client.survey.run import run_pool
from services.client.survey.targets import Arguments, Input, Skip, Source
from services.client.survey.tasks import TaskPool
from services.client.survey.transport.epoll import Poller
from services.runtime.cli import INTERRUPTED
from services.runtime.process import raise_open_files, usable_cores
from services.runtime.run import Stop, first_error
from services.runtime.tasks import run_in_daemon_thread
from services.runtime.terminal import printable, say

if TYPE_CHECKING:
    from services.client.trace.recorder import Recorder

SPARE_FILES = 256  # the loop's own, standard streams, look-ups
MAX_PROCESSES = 4
MIN_EACH = 16  # fetches at once that make a process worth its start


async def run_survey(
    options: Options, settings: ClientSettings, stop: Stop, *, recorder: "Recorder | None" = None
) -> int:
    """Fetch every target, and return the exit code. Raises ProgramError before anything is written or fetched.

    `recorder`: where each fetch is recorded; by one process then, however long the list is.
    """
    concurrency = fitting(options.concurrency, settings.files_per_connection)
    with Poller() as poller:
        fetcher = make_fetcher(options, settings, poller=poller, concurrency=concurrency, recorder=recorder)
        source, writer, output = await open_both(options)
        processes = 1 if recorder else processes_for(options, concurrency)
        tasks = TaskPool(source, writer, fetcher=fetcher, options=options, concurrency=concurrency, recorder=recorder)
        # A few heads for a person are shown as in the tutorial: nothing is said beside them.
        tutorial = options.format == "human" and options.input is None and options.output is None
        to_terminal = options.output is None and os.isatty(1)
        run = partial(run_pool, source=source, writer=writer, stop=stop, quiet=options.quiet)
        run = partial(run, tutorial=tutorial, beside_records=to_terminal)
        code = None
        if processes > 1 and (options.processes or await is_long(source.input, stop)):
            from services.client.survey.processes import ProcessPool

            pool = ProcessPool(
                source,
                writer,
                options=options,
                topology=settings.topology,
                concurrency=concurrency,
                processes=processes,
            )
            code = await run_in_processes(run(pool), is_asked_for=options.processes > 0)
        if code is None:
            with recorder.recording() if recorder else contextlib.nullcontext():
                code = await run(tasks)
        if output and code != INTERRUPTED:
            await run_in_daemon_thread(output.finish)
        return code


async def run_in_processes(running: Coroutine[None, None, int], *, is_asked_for: bool) -> int | None:
    """Return the exit code of a survey by several processes; None, after saying so, where none could be started.

    `is_asked_for`: whether the command line asks for processes; then NoWorkerProcess is raised instead.
    """
    from services.client.survey.processes import NoWorkerProcess

    try:
        return await running
    except* NoWorkerProcess as problems:
        if is_asked_for:
            raise
        say(f"wget: {first_error(problems)}; going on with one")
    return None


def fitting(concurrency: int, files_per_connection: int) -> int:
    """Return how many fetches at once fit into the open files that this process may have; say so if that is fewer."""
    limit = raise_open_files()
    most = max(1, (limit - min(SPARE_FILES, limit // 2)) // files_per_connection)
    if concurrency > most:
        say(
            f"wget: {concurrency:,} at once need more than the {limit:,} open files allowed here (ulimit -Hn): {most:,}"
        )
    return min(concurrency, most)


def processes_for(options: Options, concurrency: int) -> int:
    """Return how many processes fetch a long list: one a core, unless something has to be kept in one place.

    A rate is kept best in one place, too, but may be shared out where several processes are asked for.
    """
    if options.ordered or options.per_host:
        return 1
    if options.processes or options.rate:
        return options.processes or 1
    return max(1, min(usable_cores(), MAX_PROCESSES, concurrency // MIN_EACH))


async def open_both(options: Options) -> tuple[Source, RecordWriter, OutputFile | None]:
    """Open input and output, in this order: the output is not touched if there is no input. Raises ProgramError."""
    form = format_of(options)
    input_fd = None if options.input is None else open_input(options.input)
    output = None if options.output is None else await run_in_daemon_thread(partial(open_output, options, input_fd))
    fd = output.fd if output else open_stdout(input_fd)
    if input_fd is None or options.input is None:
        source = Source(Arguments(targets_of(options)))
    else:
        source = Source(Lines(input_fd, input_name(options.input)))
    written = output.written if output else None
    if output and written and written.count:
        source.skip = skip_of(output, written, source.input)
    source.input.begin()
    writer = RecordWriter(fd, options.output or "standard output", to_file=output is not None)
    if output:
        output.begin()  # now that nothing can go wrong any more
    if not (written and written.count):
        writer.write(form.opening)
    return source, writer, output


def skip_of(output: OutputFile, written: WrittenRecords, given: Input) -> Skip:
    """Return what a resumed survey skips: by line, or by target where the list has changed. Raises InputUnreadable."""

    def say_changed() -> None:
        say(
            f"wget: the list has changed since {printable(output.name)} was begun:"
            " what it has of a target is not asked for again"
        )

    def done_targets() -> DoneTargets:
        with open(output.fd, "rb", closefd=False) as file:
            return written.targets(file)

    targets = given.targets()
    if targets is None:  # a pipe: its lines will show whether the list has changed
        return SkipDone(written.lines, done_targets(), changed=say_changed)
    if written.lines.are_of((target.line, target.text) for target in targets):
        return written.lines.has
    say_changed()
    done = done_targets()
    return lambda _line, text: done.take(text)


async def is_long(given: Input, stop: Stop) -> bool:
    """Return whether the input has so much waiting that several processes are worth their start."""
    with DeadlineSweeper() as sweeper:
        looking = asyncio.ensure_future(given.is_long(sweeper.deadline()))
        stopping = asyncio.ensure_future(stop.event.wait())
        try:
            await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return looking.done() and looking.result()
        finally:
            looking.cancel()
            stopping.cancel()
