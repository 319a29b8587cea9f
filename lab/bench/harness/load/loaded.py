"""Servers under wrk's load: the figures of a turn, and the tables that are made of them.

A rate is a server's own only where the server was the busy side; the table `who was busy` says it of each.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from lab.bench.harness.figures import Goal, Group, Row, Table
from lab.bench.harness.load.wrk import load
from lab.bench.harness.machine import Core
from lab.bench.harness.processes import Server
from lab.bench.harness.rounds import Rounds, Say, interleaved

FULL = 0.9
"""The part of a core from which on it counts as full: the rest goes to the start and the end of a turn."""


class Sample(NamedTuple):
    """The figures of one turn: the rate; processor time a request, and cores that were used, of either side; memory."""

    requests_per_s: float
    server_us: float
    load_us: float
    server_cores: float
    load_cores: float
    server_mib: float


class Target(NamedTuple):
    """What wrk asks: `servers` are all processes that an answer takes, each with its own."""

    url: str
    servers: tuple[Server, ...]
    fields: tuple[str, ...] = ()
    script: Path | None = None


Measured = Mapping[str, Sequence[Sample]]


def load_in_turns(title: str, targets: Mapping[str, Target], rounds: Rounds, core: Core, say: Say) -> Measured:
    """Load each target once a round, for the seconds of a turn; before the first, each for a moment."""
    for name, target in targets.items():
        say(f"{title}: warm-up: {name}")
        turn(target, rounds.warm_up_s, core)
    return interleaved(
        [(name, partial(turn, target, rounds.seconds, core)) for name, target in targets.items()],
        rounds.number,
        lambda line: say(f"{title}: {line}"),
    )


def turn(target: Target, seconds: float, core: Core) -> Sample:
    """Load one target for one turn."""
    before_s = sum(each.cpu_s() for each in target.servers)
    found = load(target.url, seconds=seconds, core=core.load, fields=target.fields, script=target.script)
    used_s = sum(each.cpu_s() for each in target.servers) - before_s
    requests = max(1, found.requests)
    return Sample(
        found.requests_per_s,
        used_s / requests * 1e6,
        found.cost.cpu_s / requests * 1e6,
        used_s / found.cost.wall_s,
        found.cost.cpu_s / found.cost.wall_s,
        sum(each.peak_kib() for each in target.servers) / 1024,
    )


def groups_of(
    title: str, measured: Measured, *, reference: str, goals: tuple[Goal, ...] = (), ours: str = "services."
) -> tuple[Group, Group, Group]:
    """Return the rate, what a request costs, and the memory. `ours`: how the names of this project's servers begin."""

    def rows(figure: Callable[[Sample], float]) -> tuple[Row, ...]:
        return tuple(
            Row(name, tuple(map(figure, turns)), ours=name.startswith(ours)) for name, turns in measured.items()
        )

    def cost(words: str, unit: str, figure: Callable[[Sample], float]) -> Group:
        return Group(f"{title}: {words}", unit, rows(figure), reference, higher_is_better=False)

    return (
        Group(title, "requests/s", rows(lambda each: each.requests_per_s), reference, goals=goals),
        cost("what a request costs its server", "processor µs/request", lambda each: each.server_us),
        cost("memory of all processes", "MiB at most", lambda each: each.server_mib),
    )


def busy_table(title: str, measured: Measured, *, cores: int) -> Table:
    """Return which side was the busy one for each server. `cores`: how many the machine has."""
    rows = []
    for name, turns in measured.items():
        server = median(each.server_cores for each in turns)
        load_ = median(each.load_cores for each in turns)
        load_us = median(each.load_us for each in turns)
        rows.append((name, server, load_, load_us, busy_side(server, load_, cores=cores)))
    columns = ("server", "cores the server used", "cores the load used", "the load's us/request", "full")
    return Table(f"{title}: who was busy", columns, tuple(rows))


def busy_side(server: float, load_: float, *, cores: int) -> str:
    """Return which side used all that it could have: a core each, or all cores of the machine together."""
    if server > 1 and server + load_ >= FULL * cores:
        return "all cores"
    full = [name for name, used in (("the server", server), ("the load", load_)) if used >= FULL]
    return " and ".join(full) or "neither"
