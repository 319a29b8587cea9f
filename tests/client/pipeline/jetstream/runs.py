"""Running the edition in a test: its items, workers in the same process, and what came of it."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from services.client.broker_settings import BrokerSettings
from services.client.pipeline.edition import WorkOf
from services.client.pipeline.items import NumberItems
from services.client.pipeline.jetstream.edition import run
from services.client.pipeline.jetstream.worker.serve import serve
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import Options
from services.client.pipeline.stages import Item, Result, Work, reply_to
from services.client.settings import ClientSettings
from services.runtime.errors import ProgramError
from services.runtime.run import innermost, running_loop_name
from services.runtime.tasks import background_task

ROOT = Path(__file__).parents[4]


@dataclass(slots=True)
class Outcome:
    """What came of a run. `emitted`: how often each id was written. `reached`: is set at `after` results."""

    ledger: Ledger
    emitted: Counter[int] = field(default_factory=Counter)
    after: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def emit(self, result: Result, worker: str) -> None:
        """Take a result as `client pipeline` does."""
        if self.ledger.record(result.id, worker=worker, ok=result.ok):
            self.emitted[result.id] += 1
        if len(self.ledger.recorded) >= self.after:
            self.reached.set()

    def check(self, count: int) -> None:
        """Check what every fault has to leave: nothing lost, nothing unexpected, one result an id."""
        ledger = self.ledger
        assert (ledger.lost, ledger.unexpected, len(ledger.recorded)) == (0, 0, count), ledger.members()
        assert sorted(self.emitted) == list(range(1, count + 1))
        assert set(self.emitted.values()) == {1}


def new_outcome(after: int = 0) -> Outcome:
    return Outcome(Ledger("jetstream", running_loop_name()), after=after)


async def run_items(
    broker: BrokerSettings,
    items: AsyncIterator[Item] | int,
    *,
    outcome: Outcome,
    queue_size: int = 200,
    **options: object,
) -> None:
    """Run the edition; its workers are the test's."""
    asked = {"items": items if isinstance(items, int) else None, "queue_size": queue_size, **options}
    await run(
        NumberItems(items) if isinstance(items, int) else items,
        lambda: reply,
        outcome.emit,
        ledger=outcome.ledger,
        options=Options(edition="jetstream", **asked),  # type: ignore[arg-type]
        settings=ClientSettings(broker=broker),
    )


async def reply(item: Item) -> Result:
    return reply_to(item)


async def error_of(run: Awaitable[object]) -> ProgramError:
    """Return the error that a run ends with, as the command shows it: one line."""
    try:
        await run
    except Exception as raised:
        error = innermost(raised)
        assert isinstance(error, ProgramError)
        assert "\n" not in str(error)
        return error
    raise AssertionError("it raised nothing")


@asynccontextmanager
async def worker(
    broker: BrokerSettings, work: Work = reply, *, name: str = "one", concurrency: int = 16
) -> AsyncIterator[Callable[[], None]]:
    """Have a worker in this process, and yield what stops it; its work is the test's."""
    stop = asyncio.Event()

    @asynccontextmanager
    async def make(*_: object, **__: object) -> AsyncIterator[WorkOf]:
        yield lambda: work

    async with background_task(
        serve(ClientSettings(broker=broker), stop, concurrency=concurrency, name=name, make=make)
    ):
        yield stop.set


class Program:
    """A program of `programs`, as a child process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def says(self, text: str) -> str:
        """Wait for a line that begins so, and return it."""
        assert self.process.stdout
        async for line in self.process.stdout:
            if line.decode().startswith(text):
                return line.decode().strip()
        raise AssertionError(f"it ended without {text!r}")


@asynccontextmanager
async def program(*arguments: str | float) -> AsyncIterator[Program]:
    """Run a program of `programs`; it is killed at the end."""
    words = [sys.executable, "-m", "tests.client.pipeline.jetstream.programs", *map(str, arguments)]
    process = await asyncio.create_subprocess_exec(*words, cwd=ROOT, stdout=asyncio.subprocess.PIPE, limit=1 << 20)
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        drained = asyncio.ensure_future(process.communicate())
        await drained


async def until(event: asyncio.Event, running: "asyncio.Future[None]") -> None:
    """Wait for an event while a run goes on. Raises what the run ends with before it."""
    waiting: asyncio.Future[bool] = asyncio.ensure_future(event.wait())
    both: tuple[asyncio.Future[bool], asyncio.Future[None]] = (waiting, running)
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        await running
        raise AssertionError("the run has ended")


async def several(*works: Awaitable[object]) -> Sequence[object]:
    """Wait for all of these at once."""
    return await asyncio.gather(*works)
