"""`client pipeline`: chooses the edition, the items, and how results are written; `run` does the rest.

Without options it is the tutorial's program: the lesson in `generator`, whose two functions never wait, so they run in
a thread of their own: meanwhile, the loop can receive a stop.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from services.client.pipeline.editions.generator import consumer, produce
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import ALL, GENERATOR, JETSTREAM, QUEUE, STDIN, Options, check
from services.client.pipeline.runs.outcome import exit_code, say_ledger
from services.client.settings import TUTORIAL_HOSTS, ClientSettings
from services.runtime.errors import ProgramError
from services.runtime.run import Stop, running_loop_name, until_stopped

if TYPE_CHECKING:
    from services.client.pipeline.edition import Edition
    from services.client.pipeline.runs.results import ResultsDigest
    from services.client.trace.recorder import Recorder
    from services.client.trace.recording import Recording

Choose = Callable[[str], "tuple[Edition, Recorder | None]"]
"""Returns the edition of a name, and what records it."""

MAX_DELAYED_S = 3600  # the sites end their delay by then, should this program be killed

__all__ = ["Options", "check", "main"]


class EditionMissing(ProgramError):
    """A package that an edition needs is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"the jetstream edition needs {package}, which is not installed here: install asynclab[jetstream]"
        )
        self.package = package


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Run the pipeline; the exit code says whether every item has its result, and none that was not asked for."""
    if options.ca is not None:
        options = replace(options, ca=settings.authorities(options.ca))
    check(options)
    if options.forget is not None:
        return await until_stopped(forget(options.forget, settings), stop)
    if not options.is_recorded:
        return await run(options, settings, stop, lambda name: (edition_of(name), None))
    return await run_recorded(options, settings, stop)


@asynccontextmanager
async def sites_delayed(delay_s: float, settings: ClientSettings) -> AsyncIterator[None]:
    """Have the lab's sites take so long for an answer while inside; 0: leave them as they are."""
    if not delay_s:
        yield
        return
    from services.client.compare.delays import delayed

    delays_s = dict.fromkeys(TUTORIAL_HOSTS, delay_s)
    async with delayed(settings, delays_s, for_s=MAX_DELAYED_S, program="pipeline"):
        yield


async def run(options: Options, settings: ClientSettings, stop: Stop, choose: Choose) -> int:
    """Run what is asked for."""
    if options.edition == ALL:
        from services.client.pipeline.runs.ladder import show_all

        async def run_compared(options: Options, settings: ClientSettings, stop: Stop, digest: "ResultsDigest") -> int:
            edition, recorder = choose(options.edition)
            return await run_edition(edition, options, settings, stop, digest=digest, recorder=recorder)

        return await show_all(options, settings, stop, run_one=run_compared, edition_of=edition_of)
    # Without further options, the generator edition is the lesson; a recording is of what runs on the loop.
    if options.edition == GENERATOR and options.input is None and options.format == "human" and not options.is_recorded:
        return await run_dialogue(options, stop)
    edition, recorder = choose(options.edition)
    return await run_edition(edition, options, settings, stop, recorder=recorder)


async def run_recorded(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Run what is asked for, and write its trace and its report. Raises what `run` raises, and ProgramError."""
    from services.client.trace.kept import Kept
    from services.client.trace.recording import recording

    given = None if options.input == STDIN else options.input
    kept = Kept(options.trace, options.report, settings.command, (("--input", given),))
    async with recording(kept, "pipeline", quiet=options.quiet) as recorded:
        choose = partial(recorded_edition, recording=recorded, titled=options.edition == ALL)
        code = recorded.exit_code = await run(options, settings, stop, choose)
    return code


def recorded_edition(name: str, *, recording: "Recording", titled: bool) -> "tuple[Edition, Recorder]":
    """Return the edition of that name, recorded, and its recorder. `titled`: whether its recording has a title."""
    from services.client.pipeline.recorded import recorded, recorder_of

    edition = edition_of(name)
    recorder = recorder_of(name, recording, titled=titled)
    if name == JETSTREAM:
        from services.client.pipeline.jetstream.edition import recorded as recorded_jetstream

        return recorded_jetstream(recorder, recording.feeds), recorder
    return recorded(edition, recorder), recorder


async def run_dialogue(options: Options, stop: Stop) -> int:
    """Run the lesson: the tutorial's dialogue, line for line. A stop ends it after a whole item."""
    ledger = Ledger(GENERATOR, running_loop_name())
    began = time.perf_counter()
    await asyncio.to_thread(produce, consumer(), numbers(options.count, stop, ledger))
    ledger.took_s = time.perf_counter() - began
    say_ledger(ledger, quiet=options.quiet)
    return exit_code(ledger, stopped=stop.event.is_set())


def numbers(items: int, stop: Stop, ledger: Ledger) -> Iterator[int]:
    """Yield 1 to `items`, and no more once a stop is asked for.

    A consumer that asks for the next one has done the one before.
    """
    for n in range(1, items + 1):
        if stop.event.is_set():
            return
        ledger.attempt(n)
        ledger.acknowledge(n)
        yield n
        ledger.record(n, worker="consumer")


def edition_of(name: str) -> "Edition":
    """Return the edition of that name."""
    if name == JETSTREAM:
        try:
            from services.client.pipeline.jetstream.edition import run as jetstream
        except ModuleNotFoundError as error:
            raise EditionMissing(error.name or "") from error
        return jetstream
    if name == QUEUE:
        from services.client.pipeline.editions.queue_ import run as queue

        return queue
    from services.client.pipeline.editions.generator_edition import run as generator

    return generator


async def forget(run: str, settings: ClientSettings) -> int:
    """Remove a run from the broker, and return 0. Raises ProgramError."""
    try:
        from services.client.pipeline.jetstream.leftovers import forget as forget_run
    except ModuleNotFoundError as error:
        raise EditionMissing(error.name or "") from error
    return await forget_run(run, settings)


async def run_edition(
    edition: "Edition",
    options: Options,
    settings: ClientSettings,
    stop: Stop,
    *,
    digest: "ResultsDigest | None" = None,
    recorder: "Recorder | None" = None,
) -> int:
    """Run an edition on the items that are asked for, write the results and the ledger, and return the exit code.

    `digest`: is given each result that is written. `recorder`: records the fetches. Raises ProgramError.
    """
    from services.client.pipeline.items import open_items
    from services.client.pipeline.runs.results import result_writer
    from services.client.pipeline.runs.run import PipelineRun
    from services.client.pipeline.work import make_work
    from services.client.survey.results.writer import RecordWriter

    check_broker(options, settings)
    ledger, problem, stopped = Ledger(options.edition, running_loop_name(), options.run or ""), None, False
    async with make_work(options.fetch, settings, concurrency=options.consumers, recorder=recorder) as work_of:
        items, fd = await open_items(options)
        writer = RecordWriter(fd, "standard output", to_file=False)
        results = result_writer(options, ledger, writer, digest=digest)
        run = PipelineRun(items, ledger, results=results, writer=writer)
        try:
            async with sites_delayed(options.delay_s, settings):  # nothing is left that could be refused
                stopped = await run.run(edition, work_of, options=options, settings=settings, stop=stop)
        except ProgramError as error:
            problem = error
        problem = problem or items.error
        tells = not problem or ledger.is_begun  # an error before the first item has no ledger beside it
        results.finish(with_ledger=options.format == "json" and tells)
        await writer.close(stop.again)
    if tells:
        tell(ledger, options, settings)
    if problem:
        raise problem
    return exit_code(ledger, stopped=stopped)


def check_broker(options: Options, settings: ClientSettings) -> None:
    """Refuse the edition over a broker where none is named. Raises NoBroker."""
    if options.edition == JETSTREAM:
        from services.client.pipeline.jetstream.broker.errors import broker_of

        broker_of(settings)


def tell(ledger: Ledger, options: Options, settings: ClientSettings) -> None:
    """Say on stderr what became of the items, unless that is not wanted or on stdout."""
    is_kept = settings.broker is not None and settings.broker.keeps_runs
    say_ledger(ledger, quiet=options.quiet or options.format == "json", is_kept=is_kept)
