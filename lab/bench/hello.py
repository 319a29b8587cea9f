"""`lab bench hello`: thousands of users at once, and what the server can do without its sleep.

First the tutorial's question: each user waits half a second; how long do all of them take together? Then the same
server without the sleep (HELLO_DELAY_S=0), beside aiohttp's low-level server with the same page.
"""

import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import NamedTuple

from lab.bench.errors import BenchFailed
from lab.bench.harness import peers, servers
from lab.bench.harness.figures import Group, Result, Row
from lab.bench.harness.machine import Core
from lab.bench.harness.peers import WRK
from lab.bench.harness.processes import Server, cost_of
from lab.bench.harness.rounds import Rounds, Say, interleaved
from lab.bench.harness.wrk import CONNECTIONS, load

DELAY_S = 0.5
LOOPS = ("uvloop", "asyncio")
FIGURE = re.compile(r"^(answered|wall time)\s+([\d,.]+)", re.MULTILINE)
USERS_TIMEOUT_S = 60.0
IDEAL = "the half second itself"


class Contestant(NamedTuple):
    """A server without its sleep: its name, how it is started, whether several processes share the cores."""

    name: str
    start: Callable[[tuple[str, ...]], AbstractContextManager[Server]]
    workers: int = 1


def bench(rounds: Rounds, say: Say) -> Result:
    """Measure the wall time of many users at once, and requests a second without the sleep."""
    core = Core()
    groups = [group for count in rounds.users for group in users_at_once(rounds, count, core, say)]
    notes = []
    if WRK.path():
        groups.append(without_sleep(rounds, core, say))
    else:
        notes.append(WRK.missing())
    return Result(
        "hello",
        tuple(groups),
        method=(
            f"{rounds.in_turns()}; the users are `client hello`, one process, its wall time as it prints it",
            "with thousands of users that process is as busy as the server: part of the wall time is its own",
            f"without the sleep: wrk, {CONNECTIONS} connections kept alive, {max(1, round(rounds.seconds))} s a turn",
            f"{core.sentence()}; two workers may use every core, the load's too",
            peers.sentence((WRK,)),
        ),
        notes=tuple(notes),
    )


class Sample(NamedTuple):
    """The figures of one turn: seconds until all were answered, and processor seconds of either side."""

    wall_s: float
    server_cpu_s: float
    client_cpu_s: float


def users_at_once(rounds: Rounds, users: int, core: Core, say: Say) -> tuple[Group, Group]:
    """Measure how long so many users take together, on both loops, and the processor time of either side."""
    with ExitStack() as stack:
        contestants = []
        for loop in LOOPS:
            server = stack.enter_context(servers.hello(core.server, loop=loop, delay_s=DELAY_S))
            contestants.append((loop, partial(ask, server, users, loop, core)))
        measured = interleaved(contestants, rounds.number, lambda line: say(f"hello, {users:,} users: {line}"))
    waits = Group(
        title=f"hello, {users:,} users at once",
        unit="s until all have it",
        rows=(
            Row(IDEAL, (DELAY_S,) * rounds.number),
            *(row(f"services.hello, {loop}", [turn.wall_s for turn in turns]) for loop, turns in measured.items()),
        ),
        reference=IDEAL,
        higher_is_better=False,
    )
    costs = Group(
        title=f"hello, {users:,} users at once: who is busy",
        unit="processor s",
        rows=(
            *(row(f"the server, {loop}", [turn.server_cpu_s for turn in turns]) for loop, turns in measured.items()),
            *(row(f"the users, {loop}", [turn.client_cpu_s for turn in turns]) for loop, turns in measured.items()),
        ),
        reference="",
        higher_is_better=False,
    )
    return waits, costs


def row(subject: str, values: list[float]) -> Row:
    return Row(subject, tuple(values), ours=True)


def ask(server: Server, users: int, loop: str, core: Core) -> Sample:
    """Run `client hello` with so many users, and return the wall time that it prints."""
    command = [*core.load, sys.executable, "-m", "services.client", "hello", "--users", str(users), "--loop", loop]
    command += ["--timeout", str(USERS_TIMEOUT_S)]
    before = server.cpu_s()
    cost = cost_of("client hello", command, timeout_s=USERS_TIMEOUT_S + 30, environment={"HELLO_URL": server.url})
    figures = {name: float(number.replace(",", "")) for name, number in FIGURE.findall(cost.out)}
    if figures.get("answered") != users:
        raise BenchFailed("client hello", why="not every request was answered", evidence=cost.out.splitlines())
    return Sample(figures["wall time"], server.cpu_s() - before, cost.cpu_s)


def without_sleep(rounds: Rounds, core: Core, say: Say) -> Group:
    """Measure requests a second, beside the low-level server, with one process and with two."""
    contestants = [
        *(Contestant(f"aiohttp web.Server, {loop}", partial(servers.low_level, loop=loop)) for loop in LOOPS),
        *(Contestant(f"services.hello, {loop}", partial(servers.hello, loop=loop, delay_s=0)) for loop in LOOPS),
        Contestant("aiohttp web.Server, uvloop, 2 workers", partial(servers.low_level, loop="uvloop", workers=2), 2),
        Contestant("services.hello, uvloop, 2 workers", partial(servers.hello, loop="uvloop", delay_s=0, workers=2), 2),
    ]
    with ExitStack() as stack:
        turns = []
        for each in contestants:
            server = stack.enter_context(each.start(core.server if each.workers == 1 else ()))
            turns.append((each.name, partial(rate, server, rounds, core)))
        measured = interleaved(turns, rounds.number, lambda line: say(f"hello, without its sleep: {line}"))
    return Group(
        title="hello, without its sleep",
        unit="requests/s",
        rows=tuple(Row(name, tuple(values), ours=name.startswith("services.")) for name, values in measured.items()),
        reference="aiohttp web.Server, uvloop",
    )


def rate(server: Server, rounds: Rounds, core: Core) -> float:
    """Return the requests a second that a server answers."""
    return load(f"{server.url}/", seconds=rounds.seconds, core=core.load).requests_per_s
