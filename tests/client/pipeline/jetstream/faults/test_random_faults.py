"""Faults drawn by a seed, one after another, in the middle of one run: nothing is lost. The seed is printed."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress

import pytest

from tests.client.pipeline.jetstream.brokers import Broker
from tests.client.pipeline.jetstream.links import link
from tests.client.pipeline.jetstream.runs import Outcome, Program, new_outcome, program, run_items, until, worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]
COUNT = int(os.environ.get("RANDOM_FAULTS_JOBS", "4000"))
FAULTS = 20


class Faults:
    """What can be broken, and is mended again."""

    def __init__(self, broker: Broker, stack: AsyncExitStack, chosen: random.Random) -> None:
        self._broker, self._stack, self._chosen = broker, stack, chosen
        self._workers: list[Program] = []

    async def begin(self) -> None:
        """Start two workers that may be killed."""
        for _ in range(2):
            await self._start_worker()

    async def kill_broker(self) -> None:
        await asyncio.to_thread(self._broker.kill)
        await asyncio.to_thread(self._broker.start)

    async def kill_worker(self) -> None:
        victim = self._workers.pop(self._chosen.randrange(len(self._workers)))
        victim.process.kill()
        await victim.process.wait()
        await self._start_worker()

    async def pause_worker(self) -> None:
        victim = self._chosen.choice(self._workers)
        victim.process.send_signal(signal.SIGSTOP)
        asyncio.get_running_loop().call_later(3.0, resume, victim)

    async def _start_worker(self) -> None:
        name = f"worker-{self._chosen.random()}"
        self._workers.append(
            await self._stack.enter_async_context(program("worker", self._broker.settings().url, "instant", name))
        )


def resume(paused: Program) -> None:
    """Let a worker go on, unless it was killed meanwhile."""
    with suppress(ProcessLookupError):
        paused.process.send_signal(signal.SIGCONT)


async def test_twenty_faults(broker: Broker) -> None:
    """Each comes when so many more results are there. RANDOM_FAULTS_SEED repeats what was printed."""
    seed = os.environ.get("RANDOM_FAULTS_SEED") or str(random.SystemRandom().randrange(10**6))
    print("RANDOM_FAULTS_SEED =", seed)
    chosen = random.Random(seed)
    outcome: Outcome = new_outcome()
    async with AsyncExitStack() as stack:
        faults = Faults(broker, stack, chosen)
        await faults.begin()
        to_producer = await stack.enter_async_context(link(broker.port))
        to_worker = await stack.enter_async_context(link(broker.port))
        await stack.enter_async_context(worker(broker.settings(port=to_worker.port), name="behind a link"))

        async def cut_producer() -> None:
            to_producer.cut()
            to_producer.mend()

        async def cut_worker() -> None:
            to_worker.cut()
            asyncio.get_running_loop().call_later(1.0, to_worker.mend)

        kinds: list[Callable[[], Awaitable[None]]] = [
            faults.kill_broker,
            faults.kill_worker,
            faults.pause_worker,
            cut_producer,
            cut_worker,
        ]
        running = asyncio.ensure_future(
            run_items(broker.settings(port=to_producer.port), COUNT, outcome=outcome, queue_size=300)
        )
        for step in range(1, FAULTS + 1):
            outcome.after = step * COUNT // (FAULTS + 1)
            outcome.reached.clear()
            await until(outcome.reached, running)
            await chosen.choice(kinds)()
        await running
    outcome.check(COUNT)
