"""A pool: so many bytes of memory for one purpose. What takes from it asks first, and gives back.

All happens on one thread, so a pool is two plain numbers and no lock.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class PoolSpent(Exception):
    """A pool has fewer bytes left than something new needs; the text says how many it has."""

    def __init__(self, pool: "Pool", size: int) -> None:
        super().__init__(
            f"no memory for {size:,} bytes more of {pool.name}: {pool.used:,} of {pool.limit:,} are in use"
        )
        self.pool, self.size = pool, size


class Pool:
    """So many bytes for one purpose. `refused` counts what found too few left, and `on_refused` is called for each."""

    __slots__ = ("limit", "name", "on_refused", "refused", "used")

    def __init__(self, name: str, limit: int, *, on_refused: Callable[[], object] | None = None) -> None:
        self.name, self.limit = name, limit
        self.used = self.refused = 0
        self.on_refused = on_refused

    @property
    def left(self) -> int:
        """How many bytes can be taken."""
        return max(0, self.limit - self.used)

    @property
    def is_short(self) -> bool:
        """Whether more than three quarters are taken."""
        return self.used * 4 > self.limit * 3

    def take(self, size: int) -> bool:
        """Take `size` bytes and return True; where there are not so many, take none, count it, and return False."""
        if self.used + size > self.limit:
            self.refused += 1
            if self.on_refused:
                self.on_refused()
            return False
        self.used += size
        return True

    def give_back(self, size: int) -> None:
        """Give back bytes that were taken."""
        self.used -= size

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Have `size` bytes while inside. Raises PoolSpent, and counts it, where there are not so many."""
        if not self.take(size):
            raise PoolSpent(self, size)
        try:
            yield
        finally:
            self.give_back(size)


class Share:
    """What one holder has of a pool: `size` bytes, all in all."""

    __slots__ = ("pool", "size")

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.size = 0

    def resize(self, size: int) -> bool:
        """Have `size` bytes from now on and return True; where the pool has not so many, keep what there is."""
        more = size - self.size
        if more > 0 and not self.pool.take(more):
            return False
        if more < 0:
            self.pool.give_back(-more)
        self.size = size
        return True

    def give_back(self) -> None:
        """Have nothing."""
        if self.size:
            self.pool.give_back(self.size)
            self.size = 0
