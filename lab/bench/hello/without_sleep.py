"""Requests a second without the sleep: hello beside the tutorial's program, aiohttp's own server, and ASGI servers.

All answer with the same page. A table of each says how busy the server and the load were: a rate is the server's only
where the server was the busier.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import NamedTuple

from lab.bench.harness import servers
from lab.bench.harness.figures import Goal, Group, Row
from lab.bench.harness.machine import Core
from lab.bench.harness.packages import Package
from lab.bench.harness.processes import Server
from lab.bench.harness.rounds import Rounds, Say, interleaved
from lab.bench.harness.wrk import load

LOOPS = ("uvloop", "asyncio")
TITLE = "hello, without its sleep"
UVICORN, GRANIAN = Package("uvicorn", "uvicorn starlette"), Package("granian", "granian starlette")
PACKAGES = (UVICORN, GRANIAN)
VERSIONS = ("starlette", "uvicorn", "granian")

OURS, TUTORIAL, LOW = "services.hello", "the tutorial's program", "aiohttp web.Server"
TWO = f"{OURS}, uvloop, 2 workers"
GOALS = (
    Goal(f"{OURS}, uvloop", 0.9, f"{LOW}, uvloop"),
    Goal(f"{OURS}, uvloop", 1.0, f"{TUTORIAL}, uvloop"),
    Goal(TWO, 1.8, f"{OURS}, uvloop"),
)


class Contestant(NamedTuple):
    """A server without its sleep: its name, how it is started, whether several processes share the cores."""

    name: str
    start: Callable[[tuple[str, ...]], AbstractContextManager[Server]]
    workers: int = 1
    needs: Package | None = None


class Sample(NamedTuple):
    """The figures of one turn: requests a second, processor time a request, and how many cores either side used."""

    requests_per_s: float
    server_us: float
    server_cores: float
    load_cores: float
    server_mib: float


def contestants() -> Iterator[Contestant]:
    """Yield those that can run here."""
    for loop in LOOPS:
        yield Contestant(f"{LOW}, {loop}", partial(servers.low_level, loop=loop))
        yield Contestant(f"{TUTORIAL}, {loop}", partial(servers.tutorial, loop=loop))
        yield Contestant(f"{OURS}, {loop}", partial(servers.hello, loop=loop, delay_s=0))
    for workers in (1, 2):
        words = "" if workers == 1 else f", {workers} workers"
        if workers > 1:
            yield Contestant(f"{LOW}, uvloop{words}", partial(servers.low_level, loop="uvloop", workers=workers), 2)
            yield Contestant(TWO, partial(servers.hello, loop="uvloop", delay_s=0, workers=workers), workers)
        for package, start in ((UVICORN, servers.uvicorn), (GRANIAN, servers.granian)):
            if package.is_here:
                yield Contestant(f"{package.module}, uvloop{words}", partial(start, workers=workers), workers)


def measure(rounds: Rounds, core: Core, say: Say) -> list[Group]:
    """Return requests a second, what each costs its server, who was busy, and memory."""
    with ExitStack() as stack:
        turns = []
        for each in contestants():
            server = stack.enter_context(each.start(core.server if each.workers == 1 else ()))
            turns.append((each.name, partial(turn, server, rounds, core)))
        measured = interleaved(turns, rounds.number, lambda line: say(f"{TITLE}: {line}"))

    def rows(figure: Callable[[Sample], float]) -> tuple[Row, ...]:
        return tuple(
            Row(name, tuple(map(figure, samples)), ours=name.startswith(OURS)) for name, samples in measured.items()
        )

    reference = f"{LOW}, uvloop"
    return [
        Group(TITLE, "requests/s", rows(lambda sample: sample.requests_per_s), reference, goals=GOALS),
        Group(
            f"{TITLE}: what a request costs its server",
            "processor us",
            rows(lambda sample: sample.server_us),
            reference,
            higher_is_better=False,
        ),
        Group(f"{TITLE}: cores the server used", "cores", rows(lambda sample: sample.server_cores), "", None),
        Group(f"{TITLE}: cores the load used", "cores", rows(lambda sample: sample.load_cores), "", None),
        Group(
            f"{TITLE}: memory of all its processes",
            "MiB at most",
            rows(lambda sample: sample.server_mib),
            reference,
            higher_is_better=False,
        ),
    ]


def turn(server: Server, rounds: Rounds, core: Core) -> Sample:
    """Load a server for one turn."""
    before_s = server.cpu_s()
    found = load(f"{server.url}/", seconds=rounds.seconds, core=core.load)
    used_s = server.cpu_s() - before_s
    return Sample(
        found.requests_per_s,
        used_s / found.requests * 1e6,
        used_s / found.cost.wall_s,
        found.cost.cpu_s / found.cost.wall_s,
        server.peak_kib() / 1024,
    )
