"""Running an edition in a test: with items, work and a place for results of the test's own."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field

from lab.embedded.program import embedded_lab
from services.client.pipeline.command import main
from services.client.pipeline.edition import Edition
from services.client.pipeline.editions import generator_edition, queue_
from services.client.pipeline.items import NumberItems
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import Options
from services.client.pipeline.stages import Item, Result
from services.client.pipeline.work import reply_to_number
from services.client.settings import ClientSettings
from services.runtime.run import Stop, run

LOCAL: dict[str, Edition] = {"generator": generator_edition.run, "queue": queue_.run}


Main = Callable[[Options, ClientSettings, Stop], Coroutine[None, None, int]]


def run_command(
    options: Options,
    loop: str,
    *,
    in_lab: bool = False,
    command: Main = main,
    settings: ClientSettings = ClientSettings(),  # noqa: B008 - frozen
) -> int:
    """Run the command on that loop, in a lab of its own where targets are fetched; return its exit code."""

    async def program(stop: Stop) -> int:
        if not in_lab:
            return await command(options, settings, stop)
        async with embedded_lab() as in_it:
            return await command(options, in_it, stop)

    return run(program, loop=loop, announce=False)


@dataclass
class EditionTest:
    """A run of an edition on `count` numbers. `results`: what it has emitted, in this order, with the workers."""

    count: int
    work: Callable[[Item], Awaitable[Result]] = reply_to_number
    producers: int = 1
    consumers: int = 3
    queue_size: int = 4
    results: list[tuple[Result, str]] = field(default_factory=list)
    ledger: Ledger = field(default_factory=lambda: Ledger("test", "test"))

    async def emit(self, result: Result, worker: str) -> None:
        """Note a result."""
        self.ledger.record(result.id, worker=worker, ok=result.ok)
        self.results.append((result, worker))

    async def run(self, edition: Edition) -> None:
        """Run the edition to its end."""
        options = Options(producers=self.producers, consumers=self.consumers, queue_size=self.queue_size)
        await edition(
            NumberItems(self.count),
            lambda: self.work,
            self.emit,
            ledger=self.ledger,
            options=options,
            settings=ClientSettings(),
        )

    @property
    def ids(self) -> Sequence[int]:
        """The ids of the results, in their order."""
        return [result.id for result, _ in self.results]
