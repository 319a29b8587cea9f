"""Does twice the number of workers do twice the work? Jobs that wait for their server, as a survey's do.

Each target is answered after a tenth of a second, and a worker has a few at once: so one worker is far from filling a
core, and more of them are limited by what the cores can do, and by nothing else.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lab.bench.errors import BenchFailed
from lab.bench.harness.figures import Goal, Group, Row
from lab.bench.harness.load import servers
from lab.bench.harness.processes import Cost, Server, cost_of
from lab.bench.harness.rounds import Rounds, Say, interleaved
from lab.bench.pipeline.broker import broker, client_worker, workers
from lab.bench.pipeline.over_broker import QUEUE_SIZE, TIMEOUT_S
from services.runtime.files.temporary import temporary_directory
from services.runtime.process import HIGH_WATER, memory_kib, usable_cores

HOST = "hello"  # the hello server answers no other name than its own
ANSWER = "200 OK"
DELAY_S = 0.1
CONCURRENCY = 8
LOOP = "uvloop"
JOBS_SHARE = 8  # of `rounds.jobs`, for each worker
PART = 3  # of the targets are enough without a broker, where nothing has to come into its stride
NEAR = 0.85
FULL = 0.9  # of the cores: what is above it is bounded by them
OVER_BROKER = ("--edition", "jetstream")
HELD_BY = "the end of a run, where some workers have no more jobs, and each job's way through the broker"


class Turn(NamedTuple):
    """Jobs a second; how many cores all processes kept busy while the command ran; what the workers held at most."""

    jobs_per_s: float
    cores: float
    workers_mib: float


def measure(rounds: Rounds, say: Say, *, ceilings: bool = True) -> list[Group]:
    """Return jobs a second, busy cores, and the memory of all workers, for each number of workers.

    `ceilings`: whether as many jobs at once are also measured in one process, without a broker.
    """
    each, many = jobs_a_worker(rounds), [number for number in rounds.workers if number > 1] if ceilings else []
    with temporary_directory("asynclab-bench-") as directory:
        turns = [(subject(number), partial(turn, number, each, directory)) for number in rounds.workers]
        turns += [(no_broker(number), partial(turn_without_broker, number, each, directory)) for number in many]
        measured = interleaved(turns, rounds.number, lambda line: say(f"jobs that wait: {line}"))
    workers_alone = {subject(number): measured[subject(number)] for number in rounds.workers}
    rates = rows_of(measured, lambda found: found.jobs_per_s)
    busy = rows_of(workers_alone, lambda found: found.cores)
    first = subject(rounds.workers[0])
    goals = [
        Goal(row.subject, NEAR * number, first, HELD_BY, no_broker(number))
        for number, row in zip(rounds.workers, busy, strict=True)
        if number > 1 and row.median < FULL * usable_cores()
    ]
    title = f"pipeline over a broker, jobs of {DELAY_S:g} s"
    held = rows_of(workers_alone, lambda found: found.workers_mib)
    return [
        Group(title, "jobs/s", rates, first, goals=tuple(goals) if ceilings else ()),
        Group(f"{title}: busy cores, of {usable_cores()}", "cores", busy, "", higher_is_better=None),
        Group(f"{title}: memory of all workers", "MiB at most", held, first, higher_is_better=False),
    ]


def rows_of(measured: Mapping[str, Sequence[Turn]], figure: Callable[[Turn], float]) -> tuple[Row, ...]:
    """Return one figure of each contestant."""
    return tuple(Row(name, tuple(map(figure, found)), ours=True) for name, found in measured.items())


def jobs_a_worker(rounds: Rounds) -> int:
    """Return how many jobs there are for each worker."""
    return max(CONCURRENCY, rounds.jobs // JOBS_SHARE)


def subject(number: int) -> str:
    """Return what a number of workers is called in a table."""
    return f"{number} worker{'s' if number > 1 else ''}"


def no_broker(number: int) -> str:
    """Return what the ceiling of a number of workers is called: as many jobs at once, in one process."""
    return f"no broker, {number * CONCURRENCY} at once"


def turn(number: int, each: int, directory: Path) -> Turn:
    """Fetch targets by so many workers from a server that waits; all processes count."""
    jobs = each * number
    with servers.hello((), loop=LOOP, delay_s=DELAY_S) as site, broker() as at:
        environment = {**os.environ, **at.environment}
        with workers(client_worker(LOOP, concurrency=CONCURRENCY), number, at, environment) as team:
            run(listed(number * CONCURRENCY, directory), site, OVER_BROKER, at.environment)  # each has worked once
            every = (site, at.server, *team)
            before_s = sum(server.cpu_s() for server in every)
            took_s, cost = run(listed(jobs, directory), site, OVER_BROKER, at.environment)
            cpu_s = cost.cpu_s + sum(server.cpu_s() for server in every) - before_s
            held_kib = sum(memory_kib(server.pid, HIGH_WATER) for server in team)
    return Turn(jobs / took_s, cpu_s / cost.wall_s, held_kib / 1024)


def turn_without_broker(number: int, each: int, directory: Path) -> Turn:
    """Fetch a part of so many targets from such a server, as many at once, in one process."""
    jobs = max(CONCURRENCY, each // PART) * number
    edition = ("--edition", "queue", "--consumers", str(number * CONCURRENCY))
    with servers.hello((), loop=LOOP, delay_s=DELAY_S) as site:
        took_s, cost = run(listed(jobs, directory), site, edition, {})
        cpu_s = cost.cpu_s + site.cpu_s()
    return Turn(jobs / took_s, cpu_s / cost.wall_s, cost.peak_kib / 1024)


def listed(jobs: int, directory: Path) -> Path:
    """Return a file with so many targets."""
    targets = directory / f"{jobs}.txt"
    targets.write_text(f"{HOST}\n" * jobs, "utf-8")
    return targets


def run(targets: Path, site: Server, edition: Sequence[str], environment: Mapping[str, str]) -> tuple[float, Cost]:
    """Run the command; return the seconds of its ledger, and what the program cost. Raises BenchFailed."""
    words = ["pipeline", *edition, "-i", str(targets), "--format", "json", "--loop", LOOP]
    words += ["--queue-size", str(QUEUE_SIZE), "--resolve", f"{HOST}:80:127.0.0.1:{site.port}"]
    cost = cost_of(
        "client pipeline",
        [sys.executable, "-m", "services.client", *words],
        timeout_s=TIMEOUT_S,
        environment=environment,
    )
    *results, ledger = map(json.loads, cost.out.splitlines())
    if ledger["failed"] or ledger["lost"] or ledger["recorded"] != ledger["attempted"]:
        raise BenchFailed("client pipeline", why="jobs have failed", evidence=(json.dumps(ledger),))
    if wrong := next((result for result in results if result["reply"] != ANSWER), None):
        raise BenchFailed("client pipeline", why="a job had another answer", evidence=(json.dumps(wrong),))
    return float(ledger["took_s"]), cost


def method(rounds: Rounds) -> tuple[str, ...]:
    """Return how it was measured."""
    each = jobs_a_worker(rounds)
    least_s = each / CONCURRENCY * DELAY_S
    return (
        f"jobs that wait: {each:,} targets a worker, {CONCURRENCY} at once; they take {least_s:.1f} s at least",
        f"no broker: 1/{PART} of them, as many at once, in one process (`client pipeline --edition queue`)",
        f"they come from the hello server, HELLO_DELAY_S={DELAY_S:g}, whose processor time counts, too",
        f"a number of workers that fills more than {FULL:.0%} of the cores has no goal",
    )
