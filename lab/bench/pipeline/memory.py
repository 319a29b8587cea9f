"""Memory of the pipeline: does it stay flat when there are many times as many items? Whole programs, as they run."""

import json
import os
import sys
from collections.abc import Mapping, Sequence

from lab.bench.errors import BenchFailed
from lab.bench.harness.figures import Cell, Goal, Group, Row, Table
from lab.bench.harness.processes import Cost, cost_of
from lab.bench.harness.rounds import FULL, Rounds, Say
from lab.bench.pipeline.broker import broker, client_worker, workers
from services.runtime.process import HIGH_WATER, memory_kib

LOOP = "uvloop"
COUNTS = (1_000, 10_000, 100_000)
OVER_BROKER = (1_000, 10_000)
FLAT = 1.1
HELD_BY = "what is kept of each item"
TIMEOUT_S = 600.0
METHOD = "memory: whole programs, at most, uvloop, each result and the ledger written as JSON; 100 items may wait"


def counts(rounds: Rounds) -> Sequence[int]:
    """Return for how many items the queue edition is measured."""
    return COUNTS if rounds.items >= FULL.items else COUNTS[:2]


def of_queue(numbers: Sequence[int], say: Say) -> Group:
    """Return the queue edition's memory for each number of items."""
    rows = []
    for number in numbers:
        say(f"memory: {number:,} items")
        rows.append(Row(f"{number:,} items", (run("queue", number, {}).peak_kib / 1024,), ours=True))
    first, last = rows[0].subject, rows[-1].subject
    goals = (Goal(last, FLAT, first, HELD_BY, first),)
    return Group("pipeline, queue: memory", "MiB at most", tuple(rows), first, higher_is_better=False, goals=goals)


def over_broker(rounds: Rounds, say: Say) -> Table:
    """Return the memory of producer, worker and broker, for each number of jobs; each has a new broker."""
    most = OVER_BROKER if rounds.jobs >= FULL.jobs else OVER_BROKER[:1]
    columns = []
    for number in most:
        say(f"memory over a broker: {number:,} jobs")
        columns.append(over_new_broker(number))
    names = ("the producer", "a worker", "the broker")
    rows: list[Sequence[Cell]] = [(name, *(column[at] for column in columns)) for at, name in enumerate(names)]
    heads = ("", *(f"MiB at most, {number:,} jobs" for number in most))
    return Table("pipeline, jetstream: memory", heads, tuple(rows))


def over_new_broker(number: int) -> tuple[float, float, float]:
    """Return the MiB that producer, worker and broker had at most."""
    with (
        broker() as at,
        workers(client_worker(LOOP), 1, at, {**os.environ, **at.environment}) as (worker,),
    ):
        producer_kib = run("jetstream", number, at.environment).peak_kib
        kib = (producer_kib, memory_kib(worker.pid, HIGH_WATER), memory_kib(at.server.pid, HIGH_WATER))
    producer, of_worker, of_broker = (each / 1024 for each in kib)
    return producer, of_worker, of_broker


def run(edition: str, number: int, environment: Mapping[str, str]) -> Cost:
    """Run the command, and return what it cost. Raises BenchFailed where a result is missing."""
    words = ["pipeline", "--edition", edition, "-n", str(number), "--format", "json", "--loop", LOOP]
    command = [sys.executable, "-m", "services.client", *words]
    cost = cost_of(f"client pipeline, {edition}", command, timeout_s=TIMEOUT_S, environment=environment)
    ledger = json.loads(cost.out[cost.out.rstrip().rfind("\n") + 1 :])
    if ledger["recorded"] != number or ledger["lost"] or ledger["unexpected"]:
        raise BenchFailed(f"client pipeline, {edition}", why="results are missing", evidence=(json.dumps(ledger),))
    return cost
