"""Requests a second without the sleep: hello beside the tutorial's program, aiohttp's own server, and ASGI servers.

All answer with the same page. A table of each says how busy the server and the load were: a rate is the server's only
where the server was the busier.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from statistics import median
from typing import NamedTuple

from lab.bench.harness.figures import Goal, Group, Table
from lab.bench.harness.load import servers
from lab.bench.harness.load.loaded import Sample, Target, busy_table, groups_of, load_in_turns
from lab.bench.harness.machine import Core
from lab.bench.harness.peers import Package
from lab.bench.harness.processes import Server
from lab.bench.harness.rounds import Rounds, Say

LOOPS = ("uvloop", "asyncio")
TITLE = "hello, without its sleep"
UVICORN, GRANIAN = Package("uvicorn", "uvicorn starlette"), Package("granian", "granian starlette")
PACKAGES = (UVICORN, GRANIAN)
VERSIONS = ("starlette", "uvicorn", "granian")

OURS, TUTORIAL, LOW = "services.hello", "the tutorial's program", "aiohttp web.Server"
ONE, TWO, LOW_TWO = f"{OURS}, uvloop", f"{OURS}, uvloop, 2 workers", f"{LOW}, uvloop, 2 workers"
HELD_BY = "the application with its routes, and the limits of each connection"
UNMEASURED = "without metrics: services.hello, uvloop"
GOALS = (
    Goal(ONE, 0.95, UNMEASURED, "the wrapper that counts and times each request", UNMEASURED),
    Goal(ONE, 0.9, f"{LOW}, uvloop", HELD_BY, UNMEASURED),
    Goal(ONE, 1.0, f"{TUTORIAL}, uvloop", HELD_BY, UNMEASURED),
)


class Contestant(NamedTuple):
    """A server without its sleep: its name, how it is started, whether several processes share the cores."""

    name: str
    start: Callable[[tuple[str, ...]], AbstractContextManager[Server]]
    workers: int = 1
    needs: Package | None = None


def contestants() -> Iterator[Contestant]:
    """Yield those that can run here."""
    for loop in LOOPS:
        yield Contestant(f"{LOW}, {loop}", partial(servers.low_level, loop=loop))
        yield Contestant(f"{TUTORIAL}, {loop}", partial(servers.tutorial, loop=loop))
        yield Contestant(f"{OURS}, {loop}", partial(servers.hello, loop=loop, delay_s=0))
    yield Contestant(UNMEASURED, partial(servers.unmeasured_hello, loop="uvloop"))
    for workers in (1, 2):
        words = "" if workers == 1 else f", {workers} workers"
        if workers > 1:
            yield Contestant(LOW_TWO, partial(servers.low_level, loop="uvloop", workers=workers), 2)
            yield Contestant(TWO, partial(servers.hello, loop="uvloop", delay_s=0, workers=workers), workers)
        for package, start in ((UVICORN, servers.uvicorn), (GRANIAN, servers.granian)):
            if package.is_here:
                yield Contestant(f"{package.module}, uvloop{words}", partial(start, workers=workers), workers)


def measure(rounds: Rounds, core: Core, say: Say) -> tuple[tuple[Group, ...], Table]:
    """Return requests a second, what each costs its server, memory, and who was busy."""
    with ExitStack() as stack:
        targets = {}
        for each in contestants():
            server = stack.enter_context(each.start(core.server if each.workers == 1 else ()))
            targets[each.name] = Target(f"{server.url}/", (server,))
        measured = load_in_turns(TITLE, targets, rounds, core, say)
    goals = (*GOALS, Goal(TWO, 1.8, ONE, held(measured[ONE], measured[TWO], core.number), LOW_TWO))
    groups = groups_of(TITLE, measured, reference=f"{LOW}, uvloop", goals=goals, ours=OURS)
    return groups, busy_table(TITLE, measured, cores=core.number)


def held(one: Sequence[Sample], two: Sequence[Sample], cores: int) -> str:
    """Return what holds two workers: the load is on the same cores, and takes its part of them for each request.

    The most is what two workers do where all cores are full, beside one worker with a full core and the load elsewhere.
    What a request costs two workers is measured with them: it is not what it costs one, whose load is on another core.
    """
    alone_us = median(turn.server_us for turn in one)
    server_us, load_us = median(turn.server_us for turn in two), median(turn.load_us for turn in two)
    most = cores * alone_us / (server_us + load_us)
    return (
        f"the load on the same {cores} cores: it takes {load_us:.0f} us a request beside two workers' {server_us:.0f}, "
        f"and one takes {alone_us:.0f}, so that {most:.2f} is the most"
    )
