"""A memory pool: a number of bytes for one purpose. They are reserved before they are used, and released after it.

All users of a pool are on one thread, so a pool is two plain numbers without a lock.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class PoolExhausted(Exception):
    """A pool has fewer bytes left than were asked for; the text gives the figures."""

    def __init__(self, pool: "MemoryPool", size: int) -> None:
        super().__init__(
            f"no memory for {size:,} bytes more of {pool.name}: {pool.used:,} of {pool.limit:,} are in use"
        )


class MemoryPool:
    """`limit` bytes for one purpose. `refused` counts the reservations that failed; each calls `on_refused`."""

    __slots__ = ("limit", "name", "on_refused", "refused", "used")

    def __init__(self, name: str, limit: int, *, on_refused: Callable[[], object] | None = None) -> None:
        self.name, self.limit = name, limit
        self.used = self.refused = 0
        self.on_refused = on_refused

    @property
    def left(self) -> int:
        """How many bytes can be reserved."""
        return max(0, self.limit - self.used)

    @property
    def is_short(self) -> bool:
        """Whether more than three quarters are reserved."""
        return self.used * 4 > self.limit * 3

    def reserve(self, size: int) -> bool:
        """Reserve `size` bytes and return True; where fewer are left, reserve none, count it, and return False."""
        if self.used + size > self.limit:
            self.refused += 1
            if self.on_refused:
                self.on_refused()
            return False
        self.used += size
        return True

    def release(self, size: int) -> None:
        self.used -= size

    @contextmanager
    def reserved(self, size: int) -> Iterator[None]:
        """Reserve `size` bytes while inside. Raises PoolExhausted, and counts it, where fewer are left."""
        if not self.reserve(size):
            raise PoolExhausted(self, size)
        try:
            yield
        finally:
            self.release(size)


class Share:
    """The part of a pool that one holder has reserved: `size` bytes in all."""

    __slots__ = ("pool", "size")

    def __init__(self, pool: MemoryPool) -> None:
        self.pool = pool
        self.size = 0

    def resize(self, size: int) -> bool:
        """Reserve `size` bytes in all and return True; where the pool has fewer, change nothing and return False."""
        more = size - self.size
        if more > 0 and not self.pool.reserve(more):
            return False
        if more < 0:
            self.pool.release(-more)
        self.size = size
        return True

    def release(self) -> None:
        if self.size:
            self.pool.release(self.size)
            self.size = 0
