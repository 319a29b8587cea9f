"""Programs for tests to kill and to stop: a worker with the work that a test needs, and a producer.

python -m tests.client.pipeline.jetstream.programs worker URL KIND [NAME]
python -m tests.client.pipeline.jetstream.programs producer URL RUN ITEMS QUEUE_SIZE [ACK_WAIT_S]

A worker says `began ID` for each job and, of some kinds, `continued` when it got SIGCONT. A producer says the id of
each result.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace

from services.client.broker_settings import BrokerSettings
from services.client.pipeline.edition import WorkOf
from services.client.pipeline.items import NumberItems
from services.client.pipeline.jetstream.edition import run as run_edition
from services.client.pipeline.jetstream.worker.serve import serve
from services.client.pipeline.ledger import Ledger
from services.client.pipeline.options import Options
from services.client.pipeline.stages import Item, Result, Work, reply_to
from services.client.settings import ClientSettings
from services.runtime.cli import main_of
from services.runtime.run import Stop, run, until_stopped
from tests.client.pipeline.jetstream.brokers import PASSWORD, QUICK

POISON = 7  # the id that ends a worker of the kind `poisoned`


def tell(line: str) -> None:
    """Write a line that the test waits for."""
    os.write(1, line.encode() + b"\n")


async def instant(item: Item) -> Result:
    return reply_to(item)


async def holding(item: Item) -> Result:
    """Begin, and never end."""
    tell(f"began {item.id}")
    await asyncio.Event().wait()
    return reply_to(item)


def until_continued() -> Work:
    """Return work that ends when the process gets SIGCONT."""
    continued = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGCONT, continued.set)

    async def work(item: Item) -> Result:
        tell(f"began {item.id}")
        await continued.wait()
        tell(f"ended {item.id}")
        return reply_to(item)

    return work


async def poisoned(item: Item) -> Result:
    """End the process at one of the items."""
    if item.id == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    return reply_to(item)


KINDS: dict[str, Callable[[], Work]] = {
    "instant": lambda: instant,
    "holding": lambda: holding,
    "until_continued": until_continued,
    "poisoned": lambda: poisoned,
}


def settings_of(url: str, ack_wait_s: float = QUICK.ack_wait_s) -> ClientSettings:
    tuning = replace(QUICK, ack_wait_s=ack_wait_s, connect_s=60)  # a broker that is started again may take long
    return ClientSettings(broker=BrokerSettings(url, password=PASSWORD, tuning=tuning))


async def worker(stop: Stop, url: str, kind: str, name: str = "another") -> int:
    work = KINDS[kind]()

    @asynccontextmanager
    async def make(*_: object, **__: object) -> AsyncIterator[WorkOf]:
        yield lambda: work

    await serve(settings_of(url), stop.event, concurrency=16, name=name, make=make)
    return 0


async def producer(
    stop: Stop, url: str, run_id: str, count: str, queue_size: str, ack_wait_s: str = str(QUICK.ack_wait_s)
) -> int:
    ledger = Ledger("jetstream", "asyncio")

    async def emit(result: Result, name: str) -> None:
        ledger.record(result.id, worker=name)
        tell(str(result.id))

    options = Options(items=int(count), edition="jetstream", run=run_id, queue_size=int(queue_size))
    settings = settings_of(url, float(ack_wait_s))
    running = run_edition(
        NumberItems(int(count)), lambda: instant, emit, ledger=ledger, options=options, settings=settings
    )

    async def to_its_end() -> int:
        await running
        return 0

    return await until_stopped(to_its_end(), stop)


def main(argv: list[str]) -> int:
    programs: dict[str, Callable[..., Coroutine[None, None, int]]] = {"worker": worker, "producer": producer}
    return run(lambda stop: programs[argv[0]](stop, *argv[1:]), loop="asyncio", announce=False)


if __name__ == "__main__":
    sys.exit(main_of(lambda: main(sys.argv[1:]), name="program"))
