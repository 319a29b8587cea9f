"""The tutorial's question: each user waits half a second; how long do all of them take together?

`null` answers after the half second and does nothing else: no server of a protocol on that loop can be quicker.
"""

import re
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import partial
from statistics import median

from lab.bench.errors import BenchFailed
from lab.bench.harness.figures import Goal, Group, Row, Table
from lab.bench.harness.load import servers
from lab.bench.harness.load.loaded import Measured, Sample, busy_table, groups_of
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


def at_once(rounds: Rounds, users: int, core: Core, say: Say) -> tuple[tuple[Group, ...], Table]:
    """Measure how long so many users take together, what a user costs, memory, and who was busy."""
    starts: dict[str, tuple[str, AbstractContextManager[Server]]] = {
        f"{OURS}, {loop}": (loop, servers.hello(core.server, loop=loop, delay_s=DELAY_S)) for loop in LOOPS
    }
    starts[TWO] = ("uvloop", servers.hello((), loop="uvloop", delay_s=DELAY_S, workers=2))
    starts[NULL] = ("uvloop", servers.null_hello(core.server, loop="uvloop", delay_s=DELAY_S))
    title = f"hello, {users:,} users at once"
    with ExitStack() as stack:
        contestants = [
            (name, partial(ask, stack.enter_context(server), users, loop, core))
            for name, (loop, server) in starts.items()
        ]
        measured = interleaved(contestants, rounds.number, lambda line: say(f"{title}: {line}"))
    _, costs, memory = groups_of(title, measured, reference=NULL, ours=OURS)
    wait = waits(title, users, measured, cores=core.number)
    return (wait, replace(costs, unit="processor us/user"), memory), busy_table(title, measured, cores=core.number)


def waits(title: str, users: int, measured: Measured, *, cores: int) -> Group:
    """Return the seconds until all users have their answer; many users have goals."""
    held_by = held(measured[TWO], users, cores)
    goals = (Goal(TWO, 4.0, IDEAL, held_by, ceiling=NULL), Goal(TWO, 1.5, NULL, held_by, ceiling=IDEAL))
    return Group(
        title=title,
        unit="s until all have it",
        rows=(
            Row(IDEAL, (DELAY_S,) * len(measured[TWO])),
            *(
                Row(name, tuple(users / turn.requests_per_s for turn in turns), ours=name != NULL)
                for name, turns in measured.items()
            ),
        ),
        reference=IDEAL,
        higher_is_better=False,
        goals=goals if users >= MANY else (),
    )


def held(turns: Sequence[Sample], users: int, cores: int) -> str:
    """Return what holds many users: the processor time of both sides, which share the cores."""
    server_us = median(turn.server_us for turn in turns)
    load_us = median(turn.load_us for turn in turns)
    least_s = (server_us + load_us) * users / cores / 1e6
    return (
        f"processor time: {server_us:.0f} us of the server, {load_us:.0f} of `client hello` a user, on {cores} cores: "
        f"{least_s:.2f} s at least, {least_s / DELAY_S:.1f} x {IDEAL}"
    )


def ask(server: Server, users: int, loop: str, core: Core) -> Sample:
    """Run `client hello` with so many users; the wall time is the one that it prints."""
    command = [*core.load, sys.executable, "-m", "services.client", "hello", "--users", str(users), "--loop", loop]
    command += ["--timeout", str(USERS_TIMEOUT_S)]
    before_s = server.cpu_s()
    cost = cost_of("client hello", command, timeout_s=USERS_TIMEOUT_S + 30, environment={"HELLO_URL": server.url})
    used_s = server.cpu_s() - before_s
    figures = {name: float(number.replace(",", "")) for name, number in FIGURE.findall(cost.out)}
    if figures.get("answered") != users:
        raise BenchFailed("client hello", why="not every request was answered", evidence=cost.out.splitlines())
    return Sample(
        requests_per_s=users / figures["wall time"],
        server_us=used_s / users * 1e6,
        load_us=cost.cpu_s / users * 1e6,
        server_cores=used_s / cost.wall_s,
        load_cores=cost.cpu_s / cost.wall_s,
        server_mib=server.peak_kib() / 1024,
    )
