"""Does twice the number of workers do twice the work? Jobs that wait for their server, as a survey's do.

Each target is answered after a tenth of a second, and a worker has a few at once: so one worker is far from filling a
core, and more of them are limited by what the cores can do, and by nothing else.
"""

import json
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lab.bench.errors import BenchFailed
from lab.bench.harness import servers
from lab.bench.harness.figures import Goal, Group, Row
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
NEAR = 0.85
FULL = 0.9  # of the cores: what is above it is bounded by them


class Turn(NamedTuple):
    """Jobs a second; how many cores all processes kept busy while the command ran; what the workers held at most."""

    jobs_per_s: float
    cores: float
    workers_mib: float


def measure(rounds: Rounds, say: Say) -> list[Group]:
    """Return jobs a second, busy cores, and the memory of all workers, for each number of workers."""
    with temporary_directory("asynclab-bench-") as directory:
        turns = [
            (subject(number), partial(turn, number, jobs_a_worker(rounds), directory)) for number in rounds.workers
        ]
        measured = interleaved(turns, rounds.number, lambda line: say(f"jobs that wait: {line}"))
    rates = tuple(Row(name, tuple(each.jobs_per_s for each in found), ours=True) for name, found in measured.items())
    busy = tuple(Row(name, tuple(each.cores for each in found), ours=True) for name, found in measured.items())
    held = tuple(Row(name, tuple(each.workers_mib for each in found), ours=True) for name, found in measured.items())
    first = subject(rounds.workers[0])
    goals = [
        Goal(row.subject, NEAR * number, first)
        for number, row in zip(rounds.workers, busy, strict=True)
        if number > 1 and row.median < FULL * usable_cores()
    ]
    title = f"pipeline over a broker, jobs of {DELAY_S:g} s"
    return [
        Group(title, "jobs/s", rates, first, goals=tuple(goals)),
        Group(f"{title}: busy cores, of {usable_cores()}", "cores", busy, "", higher_is_better=None),
        Group(f"{title}: memory of all workers", "MiB at most", held, first, higher_is_better=False),
    ]


def jobs_a_worker(rounds: Rounds) -> int:
    """Return how many jobs there are for each worker."""
    return max(CONCURRENCY, rounds.jobs // JOBS_SHARE)


def subject(number: int) -> str:
    """Return what a number of workers is called in a table."""
    return f"{number} worker{'s' if number > 1 else ''}"


def turn(number: int, each: int, directory: Path) -> Turn:
    """Fetch targets by so many workers from a server that waits; all processes count."""
    jobs = each * number
    targets = directory / f"{jobs}.txt"
    targets.write_text(f"{HOST}\n" * jobs, "utf-8")
    with servers.hello((), loop=LOOP, delay_s=DELAY_S) as site, broker() as at:
        environment = {**os.environ, **at.environment}
        with workers(client_worker(LOOP, concurrency=CONCURRENCY), number, at, environment) as team:
            run(targets, site, at.environment)
            every = (site, at.server, *team)
            before_s = sum(server.cpu_s() for server in every)
            took_s, cost = run(targets, site, at.environment)
            cpu_s = cost.cpu_s + sum(server.cpu_s() for server in every) - before_s
            held_kib = sum(memory_kib(server.pid, HIGH_WATER) for server in team)
    return Turn(jobs / took_s, cpu_s / cost.wall_s, held_kib / 1024)


def run(targets: Path, site: Server, environment: Mapping[str, str]) -> tuple[float, Cost]:
    """Run the command; return the seconds of its ledger, and what the program cost. Raises BenchFailed."""
    words = ["pipeline", "--edition", "jetstream", "-i", str(targets), "--format", "json", "--loop", LOOP]
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
    return (
        f"jobs that wait: {jobs_a_worker(rounds):,} targets a worker, {CONCURRENCY} at once",
        f"they come from the hello server, HELLO_DELAY_S={DELAY_S:g}, whose processor time counts, too",
        f"a number of workers that fills more than {FULL:.0%} of the cores has no goal",
    )
