"""`lab bench pipeline --million`: what a large run needs. A million items in one process, and up to 64 workers.

docs/scale.md has its table of workers.
"""

from lab.bench.harness.figures import Group, Result
from lab.bench.harness.rounds import FULL, Say
from lab.bench.pipeline import memory, waiting
from lab.bench.pipeline.result import broker_missing

MILLION = 1_000_000
WORKERS = (1, 2, 4, 8, 16, 32, 64)


def bench(say: Say, *, items: int = MILLION, workers: tuple[int, ...] = WORKERS, jobs: int = FULL.jobs) -> Result:
    """Measure the memory of so many items in one process; then jobs a second and memory of each number of workers."""

    def tell(line: str) -> None:
        say(f"pipeline: {line}")

    groups: list[Group] = [memory.of_queue((*memory.COUNTS, items), tell)]
    method = [memory.METHOD]
    missing = broker_missing()
    if not missing:
        rounds = FULL._replace(number=1, workers=workers, jobs=jobs)
        groups += waiting.measure(rounds, tell)
        method += waiting.method(rounds)
    return Result("pipeline", tuple(groups), tuple(method), (missing,) if missing else ())
