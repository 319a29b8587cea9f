"""What a turn measures, and how the program of a turn says it: one JSON line, which the bench reads."""

import json
from dataclasses import asdict, dataclass

from lab.bench.errors import BenchFailed


@dataclass(frozen=True, slots=True)
class Sample:
    """The figures of one turn: how many items there were, the seconds and the processor seconds that they took."""

    items: int
    wall_s: float
    cpu_s: float

    @property
    def items_per_s(self) -> float:
        """The rate."""
        return self.items / self.wall_s

    @property
    def cpu_us(self) -> float:
        """Processor time an item, in microseconds."""
        return self.cpu_s / self.items * 1e6

    @property
    def cores(self) -> float:
        """How many cores were busy, on average."""
        return self.cpu_s / self.wall_s

    def line(self) -> str:
        """Return the sample as the program of a turn prints it."""
        return json.dumps(asdict(self))


def read_sample(name: str, out: str, items: int) -> Sample:
    """Return the sample that a program printed. Raises BenchFailed where it did not do all items."""
    try:
        sample = Sample(**json.loads(out))
    except (ValueError, TypeError) as error:
        raise BenchFailed(name, why="it printed no figures", evidence=out.splitlines()[-5:]) from error
    if sample.items != items:
        raise BenchFailed(name, why=f"{sample.items:,} of {items:,} items have a result")
    return sample
