"""While the reader of the output reads nothing: what is in flight, what waits for it, and that both are bounded."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from services.client.pipeline.command import edition_of
from services.client.pipeline.items import NumberItems
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import GENERATOR, JETSTREAM, QUEUE, Options
from services.client.pipeline.runs import run as runs
from services.client.pipeline.runs.results import ResultWriter
from services.client.pipeline.runs.run import PipelineRun
from services.client.pipeline.stages import Result
from services.client.pipeline.work import reply_to_number
from services.client.settings import ClientSettings
from services.client.survey.progress import NoProgress, Progress
from services.client.survey.results.writer import BLOCK_BYTES, RecordWriter
from services.runtime.run import Stop
from tests.client.pipeline.jetstream.brokers import running_broker
from tests.client.pipeline.jetstream.runs import worker

pytestmark = pytest.mark.anyio

ITEMS, QUEUE_SIZE, CONSUMERS, PUT_ASIDE = 300, 20, 4, 8
RECORD = bytes(BLOCK_BYTES // PUT_ASIDE)
WORKED_AT = {GENERATOR: 1, QUEUE: CONSUMERS, JETSTREAM: QUEUE_SIZE}
HELD = {  # how many results wait in the end, at least and at most
    GENERATOR: (PUT_ASIDE, PUT_ASIDE),
    QUEUE: (PUT_ASIDE, PUT_ASIDE + CONSUMERS - 1),  # each consumer holds one
    JETSTREAM: (PUT_ASIDE + QUEUE_SIZE - 1,) * 2,  # the broker has no more jobs whose result was not taken
}


class Shown(NoProgress):
    """Keeps all that is shown. `held`: is set when at least so many results wait, and nothing is in flight."""

    def __init__(self, least: int) -> None:
        self.held, self._least = asyncio.Event(), least
        self.all: list[Progress] = []

    def show(self, progress: Progress) -> None:
        """Take it."""
        self.all.append(progress)
        if not progress.in_flight and progress.unwritten >= self._least:
            self.held.set()


@pytest.fixture(params=WORKED_AT)
def edition(request: pytest.FixtureRequest) -> str:
    """Return the name of each edition."""
    return str(request.param)


@pytest.fixture
def settings(edition: str, tmp_path: Path) -> Iterator[ClientSettings]:
    """Return the settings of an edition; for jetstream, with a broker that runs meanwhile."""
    if edition != JETSTREAM:
        yield ClientSettings()
        return
    with running_broker(tmp_path) as broker:
        yield ClientSettings(broker=broker.settings())


async def test_results_that_wait_for_the_reader_are_not_in_flight(
    edition: str, settings: ClientSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is more at any moment than the edition works at, and may put aside."""
    least, most = HELD[edition]
    shown = Shown(least)
    monkeypatch.setattr(runs, "progress_view", lambda **_: shown)
    options = Options(ITEMS, edition=edition, queue_size=QUEUE_SIZE, consumers=CONSUMERS)
    ledger, (reader, output) = Ledger(edition, "test"), os.pipe()
    writer = RecordWriter(output, "a pipe", to_file=True)
    results = ResultWriter(ledger, writer, record, most=PUT_ASIDE)
    running = PipelineRun(NumberItems(ITEMS), ledger, results=results, writer=writer)
    workers = worker(settings.broker) if settings.broker else nullcontext()
    async with workers, asyncio.TaskGroup() as group:
        run = running.run(edition_of(edition), lambda: reply_to_number, options=options, settings=settings, stop=Stop())
        ended = group.create_task(run)
        await shown.held.wait()
        read = group.create_task(asyncio.to_thread(read_all, reader))
        await ended
        results.finish(with_ledger=False)
        await writer.close(asyncio.Event())
    assert read.result() == ITEMS * len(RECORD)
    assert (len(ledger.recorded), ledger.lost, ledger.unexpected) == (ITEMS, 0, 0)
    assert max(each.in_flight for each in shown.all) <= WORKED_AT[edition]
    assert max(each.unwritten for each in shown.all) <= most


def record(_result: Result) -> bytes:
    return RECORD


def read_all(reader: int) -> int:
    """Read a pipe to its end, and return how many bytes came."""
    with open(reader, "rb") as file:
        return len(file.read())
