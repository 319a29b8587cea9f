"""Runs one contestant on numbers, and prints what it measured of itself: seconds, processor seconds.

`python -m lab.bench.pipeline.program NAME --loop LOOP -n ITEMS`. The start of Python is in no figure.
"""

import argparse
import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from importlib import import_module

from lab.bench.pipeline.sample import Sample
from services.client.pipeline.command import edition_of
from services.client.pipeline.items import NumberItems
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import GENERATOR, JETSTREAM, QUEUE, Options
from services.client.pipeline.runs.ladder import NoOutput
from services.client.pipeline.runs.results import ResultWriter
from services.client.pipeline.stages import Result
from services.client.pipeline.work import reply_to_number
from services.client.settings import ClientSettings
from services.runtime.run import loop_factory, running_loop_name
from services.runtime.settings import Environment

EDITIONS = (GENERATOR, QUEUE, JETSTREAM)
BASELINES = {"bare": "bare_queue", "anyio": "anyio_stream", "aiostream": "aiostream_map", "nats": "nats_loop"}
WARM_UP = 10  # a tenth of the items

RunItems = Callable[[int, Options], Awaitable[int]]
"""Runs so many items, and returns how many of them have a result."""


def contestant(name: str) -> RunItems:
    """Return what runs the items."""
    if name in EDITIONS:
        return run_edition
    found: RunItems = import_module(f"lab.bench.baselines.{BASELINES[name]}").run
    return found


async def run_edition(count: int, options: Options) -> int:
    """Run an edition as the command does, except that nothing is written."""
    ledger = Ledger(options.edition, running_loop_name())
    results = ResultWriter(ledger, NoOutput(), no_line)
    settings = ClientSettings.from_environment(Environment())
    items, edition = NumberItems(count), edition_of(options.edition)
    await edition(items, lambda: reply_to_number, results.emit, ledger=ledger, options=options, settings=settings)
    results.finish(with_ledger=False)
    return len(ledger.recorded) if ledger.is_sound else 0


def no_line(_result: Result) -> bytes:
    """Return nothing to write."""
    return b""


async def measured(name: str, options: Options, *, warm_up: bool) -> Sample:
    """Run a contestant, first on a few items where that is wanted, and return what the rest took."""
    run = contestant(name)
    if warm_up:
        await run(max(1, options.count // WARM_UP), options)
    gc.collect()
    began, cpu_began = time.perf_counter(), time.process_time()
    done = await run(options.count, options)
    cpu_s, wall_s = time.process_time() - cpu_began, time.perf_counter() - began
    return Sample(done, wall_s, cpu_s)


def main() -> None:
    """Read the options, run, and print the sample."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=(*EDITIONS, *BASELINES))
    parser.add_argument("--loop", default="asyncio")
    parser.add_argument("-n", type=int, required=True)
    parser.add_argument("--queue-size", type=int, default=Options().queue_size)
    parser.add_argument("--no-warm-up", action="store_true")
    given = parser.parse_args()
    edition = given.name if given.name in EDITIONS else QUEUE
    options = Options(items=given.n, edition=edition, queue_size=given.queue_size, quiet=True)
    with asyncio.Runner(loop_factory=loop_factory(given.loop)) as runner:
        sample = runner.run(measured(given.name, options, warm_up=not given.no_warm_up))
    print(sample.line())


if __name__ == "__main__":
    main()
