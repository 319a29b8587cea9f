"""What a site may hold in memory: pools with a limit in bytes each, whose sum is what the process may have.

Each thing has its own bound (a request head, a recording, a journal), and ten thousand peers make ten thousand of it.
So whatever grows with what peers or people do takes its bytes from a pool first, and gives them back. A pool that is
spent turns away what is new, never what is there. Where a cost is no plain number of bytes, it was measured: the tests
hold each constant against what really is allocated.

All happens on one thread, so a pool is two plain numbers and no lock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB

INTERPRETER_BYTES = 64 * MIB  # the program with its libraries, once it has spoken TLS
LEAST_BYTES = 96 * MIB  # with less, no pool would have room for what it is there for
CONNECTION_BYTES = 10 * KIB  # one that is open: Python's objects, the kernel's, and FREE_REQUEST_BYTES of a request
# What each pool has of the rest, in percent.
CONNECTIONS, REQUESTS, TLS, RECORDINGS, JOURNAL, ANSWERS = 36, 12, 16, 20, 10, 6


class PoolSpent(Exception):
    """A pool has not the bytes that something new would need; the text says how many there are."""

    def __init__(self, pool: "Pool", size: int) -> None:
        super().__init__(
            f"no memory for {size:,} bytes more of {pool.name}: {pool.used:,} of {pool.limit:,} are in use"
        )
        self.pool, self.size = pool, size


class Pool:
    """So many bytes for one purpose. `refused` counts what was turned away for lack of them."""

    __slots__ = ("limit", "name", "refused", "used")

    def __init__(self, name: str, limit: int) -> None:
        self.name, self.limit = name, limit
        self.used = self.refused = 0

    @property
    def left(self) -> int:
        """How many bytes can be taken."""
        return max(0, self.limit - self.used)

    def take(self, size: int) -> bool:
        """Take `size` bytes and return True; where there are not so many, take none, count it, and return False."""
        if self.used + size > self.limit:
            self.refused += 1
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


@dataclass(frozen=True, slots=True)
class Budget:
    """A site's pools.

    `connections`: what each open connection costs at least. `requests`: what peers have sent and has not been
    answered, beyond a connection's free part. `tls`: TLS sessions, and certificates with their keys. `recordings`:
    the set that is played, and one that is being read. `journal`: its entries. `answers`: those of the admin side.
    """

    connections: Pool
    requests: Pool
    tls: Pool
    recordings: Pool
    journal: Pool
    answers: Pool

    @classmethod
    def of(cls, memory_bytes: int) -> "Budget":
        """Share out what a process may have, `memory_bytes` in all."""
        percent = max(0, max(memory_bytes, LEAST_BYTES) - INTERPRETER_BYTES) // 100
        return cls(
            connections=Pool("connections", CONNECTIONS * percent),
            requests=Pool("requests", REQUESTS * percent),
            tls=Pool("tls", TLS * percent),
            recordings=Pool("recordings", RECORDINGS * percent),
            journal=Pool("journal", JOURNAL * percent),
            answers=Pool("answers", ANSWERS * percent),
        )

    @property
    def pools(self) -> tuple[Pool, ...]:
        """Every pool."""
        return self.connections, self.requests, self.tls, self.recordings, self.journal, self.answers

    @property
    def max_connections(self) -> int:
        """How many connections there is room for."""
        return self.connections.limit // CONNECTION_BYTES
