"""`lab bench chaos`: start a separate lab, attack it, look at what is left, and return the result."""

import asyncio
import random
from collections.abc import Coroutine

from lab.bench.chaos import aftermath
from lab.bench.chaos.clients import container
from lab.bench.chaos.clients.container import Client
from lab.bench.chaos.engine import Watch
from lab.bench.chaos.found import Found
from lab.bench.chaos.judge import evidence, judge
from lab.bench.chaos.own_lab import Recordings, own_lab
from lab.bench.chaos.progress import tell_on
from lab.bench.chaos.schedule import HELLO, HOSTS, draw
from lab.bench.chaos.service import Service, services_of
from lab.bench.chaos.storm import Storm
from lab.bench.harness.figures import Result
from lab.compose.stack import Say, Stack
from lab.settings import Settings
from services.runtime.run import Stop, run, until_stopped
from services.runtime.tasks import background_task

MAX_SEED = 2**32 - 1
CALM_S = 2.0


def chaos(say: Say, settings: Settings, *, seconds: float, seed: int | None) -> tuple[Result, int]:
    """Run the storm against a lab, and return what was found and the exit code.

    0: every promise was kept; 1: one was broken; 130: interrupted. Raises a LabError where the lab does not start.
    """
    seed = random.SystemRandom().randint(0, MAX_SEED) if seed is None else seed
    say(f"chaos: seed {seed}; to repeat it: lab bench chaos --seconds {seconds:g} --seed {seed}")
    found = Found([])
    with own_lab(say, settings) as (stack, recordings):
        code = run(
            lambda stop: storm_over(stack, recordings, found, stop, say, seconds=seconds, seed=seed),
            loop="asyncio",
            announce=False,
        )
    for line in evidence(found):
        say(line)
    promises, tables = judge(found)
    method = (
        f"{found.seconds:.0f} s by seed {seed}, on a lab of its own in containers, with the limits of compose.yaml",
        "attacks and the healthy client are inside the lab, in three clients' containers",
    )
    result = Result("chaos", (), method, tuple(found.notes), tables, promises)
    return result, code or int(not result.kept)


async def storm_over(
    stack: Stack, recordings: Recordings, found: Found, stop: Stop, say: Say, *, seconds: float, seed: int
) -> int:
    """Run the storm, then look at what is left. A stop ends the load; a second stop ends everything."""
    services = {service.name: service for service in await services_of(stack.project)}
    for service in services.values():
        await service.look()
    found.services = list(services)
    watch = Watch(stack.project)
    storm = Storm(services, recordings, watch, found, seconds=seconds)
    asking, attacking, other = [await container.start(stack, seconds) for _ in range(3)]
    async with (
        watch.running(),
        background_task(storm.look_on()),
        background_task(storm.ask(asking)),
        background_task(tell_on(storm.sentence, say)),
    ):
        await storm.first_answers(set(services) & {HELLO, *HOSTS})
        code = await until_stopped(storm.load(draw(seed, seconds, found.services), attacking, other), stop)
        await unless_asked_again(look_at_what_is_left(services, recordings, found, asking, attacking, other), stop)
    return code


async def look_at_what_is_left(
    services: dict[str, Service], recordings: Recordings, found: Found, asking: Client, attacking: Client, other: Client
) -> None:
    """End the load, let the lab become healthy, and then read its sums and logs."""
    await attacking.end_scripts()
    await other.end_scripts()
    await aftermath.settle(services, recordings, other, found)
    await asyncio.sleep(CALM_S)
    await asking.end_scripts()
    await aftermath.account(services, other, found)


async def unless_asked_again(work: Coroutine[None, None, None], stop: Stop) -> None:
    """Do the work, unless a second stop is asked for."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.again.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.wait({working})
    if not working.cancelled():
        working.result()
