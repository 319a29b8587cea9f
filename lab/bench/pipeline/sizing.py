"""`lab bench pipeline --million`: what a large run needs. A million items in one process, and up to 64 workers.

docs/scale.md has its table of workers.
"""

from lab.bench.harness.figures import Group, Result, Table
from lab.bench.harness.rounds import FULL, Say
from lab.bench.pipeline import memory, waiting
from lab.bench.pipeline.result import broker_missing
from services.runtime.process import usable_cores

MILLION = 1_000_000
JOBS = 2_000
WORKERS = (1, 2, 4, 8, 16, 32, 64)


def bench(say: Say, *, items: int = MILLION, workers: tuple[int, ...] = WORKERS, jobs: int = JOBS) -> Result:
    """Measure the memory of so many items in one process; then jobs a second and memory of each number of workers."""

    def tell(line: str) -> None:
        say(f"pipeline: {line}")

    tables: list[Table] = []
    groups: list[Group] = [memory.of_queue((*memory.COUNTS, items), tell)]
    method = [memory.METHOD]
    missing = broker_missing()
    if not missing:
        rounds = FULL._replace(number=1, workers=workers, jobs=jobs)
        measured = waiting.measure(rounds, tell, ceilings=False)
        groups += measured
        tables.append(together(workers, *measured))
        method += waiting.method(rounds)
    return Result(
        "pipeline --million", tuple(groups), tuple(method), (missing,) if missing else (), tables=tuple(tables)
    )


def together(workers: tuple[int, ...], rates: Group, busy: Group, held: Group) -> Table:
    """Return the figures of each number of workers in one row; what one does at most is set by how long a job waits."""
    most_of_one = waiting.CONCURRENCY / waiting.DELAY_S
    columns = (
        "workers",
        "jobs a second",
        f"of {most_of_one:g} for each worker",
        f"cores busy, of {usable_cores()}",
        "MiB of all workers",
    )
    rows = tuple(
        (f"{number}", rate.median, f"{rate.median / (most_of_one * number):.0%}", cores.median, memory.median)
        for number, rate, cores, memory in zip(workers, rates.rows, busy.rows, held.rows, strict=True)
    )
    return Table("pipeline: how many workers", columns, rows)
