"""The jetstream edition beside a minimal loop of nats-py: the same broker, batch, bound, and order of acknowledgements.

Numbers take no time to work at, so all of it is the cost of handing jobs over safely: one worker already fills the
cores together with its broker and its producer. `waiting` shows what more workers give for jobs that take time.
"""

import os
import sys
from collections.abc import Callable
from functools import partial

from lab.bench.harness.figures import Goal, Group, Row
from lab.bench.harness.processes import cost_of
from lab.bench.harness.rounds import Rounds, Say, interleaved
from lab.bench.pipeline.broker import broker, client_worker, workers
from lab.bench.pipeline.sample import Sample, read_sample

QUEUE_SIZE = 1024
FIRST = 100  # jobs, so that every program has done all that it does at first
TIMEOUT_S = 300.0
RATIO = 0.8
HELD_BY = "the ledger, and what makes a lost connection and a job that fails harmless: the loop has none of it"
OURS, LOOP = "services.client, jetstream", "nats-py loop"
PROGRAMS = {OURS: "jetstream", LOOP: "nats"}


def measure(rounds: Rounds, say: Say) -> list[Group]:
    """Return items a second and processor time an item, for the fewest workers and for the most."""
    cases = [("uvloop", number) for number in fewest_and_most(rounds)] + [("asyncio", rounds.workers[0])]
    turns = [
        (subject(name, loop, number), partial(turn, name, loop, number, rounds.jobs))
        for loop, number in cases
        for name in PROGRAMS
    ]
    measured = interleaved(turns, rounds.number, say)
    pairs = [(subject(OURS, *case), subject(LOOP, *case)) for case in cases]

    def group(title: str, unit: str, figure: Callable[[Sample], float], *, lower: bool) -> Group:
        return Group(
            title,
            unit,
            tuple(
                Row(name, tuple(map(figure, samples)), ours=name.startswith(OURS)) for name, samples in measured.items()
            ),
            pairs[0][1],
            higher_is_better=not lower,
            goals=() if lower else tuple(Goal(ours, RATIO, theirs, HELD_BY, theirs) for ours, theirs in pairs),
        )

    return [
        group("pipeline over a broker", "items/s", lambda sample: sample.items_per_s, lower=False),
        group("pipeline over a broker: what an item costs", "processor us", lambda sample: sample.cpu_us, lower=True),
    ]


def fewest_and_most(rounds: Rounds) -> list[int]:
    """Return the numbers of workers: those between them say no more, since one already fills the cores.

    A short bench has the fewest alone.
    """
    return sorted({rounds.workers[0], rounds.workers[0 if rounds.is_short else -1]})


def subject(name: str, loop: str, number: int) -> str:
    """Return what a contestant is called in a table."""
    return f"{name}, {loop}, {number} worker{'s' if number > 1 else ''}"


def worker_command(name: str, loop: str) -> list[str]:
    """Return the command line of a contestant's worker."""
    if name == OURS:
        return client_worker(loop)
    return [sys.executable, "-m", "lab.bench.baselines.nats_loop", "--loop", loop]


def turn(name: str, loop: str, number: int, jobs: int) -> Sample:
    """Run the jobs over a new broker; the processor time is that of producer, workers and broker."""
    program = [sys.executable, "-m", "lab.bench.pipeline.program", PROGRAMS[name], "--loop", loop, "--no-warm-up"]
    program += ["--queue-size", str(QUEUE_SIZE)]
    with broker() as at:
        environment = {**os.environ, **at.environment}

        def run(items: int) -> Sample:
            out = cost_of(name, [*program, "-n", str(items)], timeout_s=TIMEOUT_S, environment=at.environment).out
            return read_sample(name, out, items)

        with workers(worker_command(name, loop), number, at, environment) as team:
            run(FIRST)
            servers = (at.server, *team)
            before_s = sum(each.cpu_s() for each in servers)
            sample = run(jobs)
            others_s = sum(each.cpu_s() for each in servers) - before_s
    return Sample(sample.items, sample.wall_s, sample.cpu_s + others_s)


def method(rounds: Rounds) -> tuple[str, ...]:
    """Return how it was measured."""
    return (
        f"over a broker: {rounds.jobs:,} numbers, {rounds.in_turns()}, {FIRST} before, {QUEUE_SIZE:,} open at most",
        "each turn has a new nats-server on loopback (sync_interval: always); batches of 64",
        "a result is published, the broker has it, the job is acknowledged, the broker has that: so do both",
        "the loop has no reconnection, dead letters or ledger; processor time: of producer, workers and broker",
    )
