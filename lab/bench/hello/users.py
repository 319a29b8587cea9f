"""The tutorial's question: each user waits half a second; how long do all of them take together?

`null` answers after the half second and does nothing else: no server of a protocol on that loop can be quicker.
"""

import re
import sys
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import NamedTuple

from lab.bench.errors import BenchFailed
from lab.bench.harness import servers
from lab.bench.harness.figures import Goal, Group, Row
from lab.bench.harness.machine import Core
from lab.bench.harness.processes import Server, cost_of
from lab.bench.harness.rounds import Rounds, Say, interleaved

DELAY_S = 0.5
LOOPS = ("uvloop", "asyncio")
FIGURE = re.compile(r"^(answered|wall time)\s+([\d,.]+)", re.MULTILINE)
USERS_TIMEOUT_S = 60.0
IDEAL = "the half second itself"
OURS, NULL = "services.hello", "null, uvloop"
TWO = f"{OURS}, uvloop, 2 workers"
MANY = 10_000  # users: this many at once have goals


class Sample(NamedTuple):
    """The figures of one turn: seconds until all were answered, and processor time a user of either side."""

    wall_s: float
    server_us: float
    client_us: float


def at_once(rounds: Rounds, users: int, core: Core, say: Say) -> tuple[Group, Group]:
    """Measure how long so many users take together, on both loops, and the processor time of either side."""
    starts: dict[str, tuple[str, AbstractContextManager[Server]]] = {
        f"{OURS}, {loop}": (loop, servers.hello(core.server, loop=loop, delay_s=DELAY_S)) for loop in LOOPS
    }
    starts[TWO] = ("uvloop", servers.hello((), loop="uvloop", delay_s=DELAY_S, workers=2))
    starts[NULL] = ("uvloop", servers.null_hello(core.server, loop="uvloop", delay_s=DELAY_S))
    with ExitStack() as stack:
        contestants = [
            (name, partial(ask, stack.enter_context(server), users, loop, core))
            for name, (loop, server) in starts.items()
        ]
        measured = interleaved(contestants, rounds.number, lambda line: say(f"hello, {users:,} users: {line}"))
    return waits(users, measured, rounds), costs(users, measured)


def waits(users: int, measured: dict[str, list[Sample]], rounds: Rounds) -> Group:
    """Return the seconds until all users have their answer."""
    return Group(
        title=f"hello, {users:,} users at once",
        unit="s until all have it",
        rows=(
            Row(IDEAL, (DELAY_S,) * rounds.number),
            *(row(name, [turn.wall_s for turn in turns]) for name, turns in measured.items()),
        ),
        reference=IDEAL,
        higher_is_better=False,
        goals=(Goal(TWO, 4.0, IDEAL), Goal(TWO, 1.5, NULL)) if users >= MANY else (),
    )


def costs(users: int, measured: dict[str, list[Sample]]) -> Group:
    """Return the processor time a user, of the server and of the program that the users are."""
    return Group(
        title=f"hello, {users:,} users at once: who is busy",
        unit="processor us a user",
        rows=(
            *(row(f"the server: {name}", [turn.server_us for turn in turns]) for name, turns in measured.items()),
            *(row(f"the users of {name}", [turn.client_us for turn in turns]) for name, turns in measured.items()),
        ),
        reference="",
        higher_is_better=False,
    )


def row(subject: str, values: list[float]) -> Row:
    return Row(subject, tuple(values), ours=NULL not in subject)


def ask(server: Server, users: int, loop: str, core: Core) -> Sample:
    """Run `client hello` with so many users, and return the wall time that it prints."""
    command = [*core.load, sys.executable, "-m", "services.client", "hello", "--users", str(users), "--loop", loop]
    command += ["--timeout", str(USERS_TIMEOUT_S)]
    before = server.cpu_s()
    cost = cost_of("client hello", command, timeout_s=USERS_TIMEOUT_S + 30, environment={"HELLO_URL": server.url})
    figures = {name: float(number.replace(",", "")) for name, number in FIGURE.findall(cost.out)}
    if figures.get("answered") != users:
        raise BenchFailed("client hello", why="not every request was answered", evidence=cost.out.splitlines())
    server_s = server.cpu_s() - before
    return Sample(figures["wall time"], server_s / users * 1e6, cost.cpu_s / users * 1e6)
