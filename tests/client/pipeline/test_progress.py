"""What the progress of a run says while it runs: what is done, what is in flight, which errors there were."""

import asyncio
from functools import partial

import pytest

from services.client.broker_settings import BrokerSettings
from services.client.pipeline.command import Options, run_edition
from services.client.pipeline.edition import Emit, WorkOf
from services.client.pipeline.items import Items
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.runs import run as runs
from services.client.pipeline.stages import Result
from services.client.settings import ClientSettings
from services.client.survey.progress import NoProgress, Progress
from services.runtime.settings import LOOPS
from tests.client.pipeline.editions import run_command

FINISHED = range(1, 41)  # ids whose results the broker has from an earlier program


class Shown(NoProgress):
    """Keeps the last progress of what the edition has done."""

    def __init__(self) -> None:
        self.ready, self.seen = asyncio.Event(), asyncio.Event()
        self.last: Progress | None = None

    def show(self, progress: Progress) -> None:
        """Take it."""
        if self.ready.is_set():
            self.last = progress
            self.seen.set()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("edition", "in_flight"), [("queue", 4), ("jetstream", 54)])
def test_in_flight_is_what_is_worked_at(
    loop: str, edition: str, in_flight: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of a queue, as many as there are consumers; of a broker, what it holds, without ids of before."""
    views: list[Shown] = []

    def view(**_: object) -> Shown:
        views.append(Shown())
        return views[-1]

    async def held(
        items: Items, work_of: WorkOf, emit: Emit, *, ledger: Ledger, options: Options, settings: ClientSettings
    ) -> None:
        for number in range(1, 101):
            ledger.acknowledge(number)
        for number in FINISHED:
            ledger.noted.add(number)
        ledger.attempt(101)  # it waits for room
        for number in range(41, 45):
            await emit(Result(number, "dns", ok=False), "w")
        ledger.give_up(45, "a reason")
        ledger.give_up(46, "a reason")
        views[-1].ready.set()
        await views[-1].seen.wait()

    monkeypatch.setattr(runs, "progress_view", view)
    options = Options(1_000, edition=edition, format="json")
    settings = ClientSettings(broker=BrokerSettings("nats://127.0.0.1:4222"))  # which the edition does not ask
    run_command(options, loop, command=partial(run_edition, held), settings=settings)
    capfd.readouterr()
    last = views[-1].last
    assert last is not None
    assert (last.stats.done, last.in_flight) == (46, in_flight)
    assert last.stats.errors == {"dns": 4, "dead-lettered": 2}
