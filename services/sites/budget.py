"""The memory of a site: pools with a limit in bytes each, whose sum is what the process may have.

Each thing has its own bound (a request head, a recording, a journal), and ten thousand peers make ten thousand of it.
So whatever grows with what peers or people do takes its bytes from a pool first, and gives them back. A pool that is
spent refuses what is new, and never touches what is there. Where a cost is no plain number of bytes, it was measured:
the tests compare each constant with what is really allocated.
"""

from dataclasses import dataclass

from services.runtime.process import MIB
from services.runtime.serving.memory_pool import MemoryPool

KIB = 1024

INTERPRETER_BYTES = 64 * MIB  # the program with its libraries, once it has spoken TLS, and all requests it knows
MIN_BYTES = 96 * MIB  # with less, no pool would have room for what it is there for
CONNECTION_BYTES = 12 * KIB  # one that is open: Python's objects, the kernel's, FREE_BYTES, a little that is not taken
SESSION_BYTES = 80 * KIB  # a TLS session, with its buffers as large as they get; 74 with OpenSSL 3.6
CONTEXT_BYTES = 28 * KIB  # a certificate, its key, and what OpenSSL keeps beside
FREE_BYTES = 4 * KIB  # what each connection may hold of a request without asking
# What each pool has of the rest, in percent.
CONNECTIONS, BUFFERS, TLS, CERTIFICATES, RECORDINGS, JOURNAL, ADMIN, ANSWERS = 37, 10, 13, 3, 22, 7, 4, 4


@dataclass(frozen=True, slots=True)
class Budget:
    """A site's pools.

    `connections`: what each open connection costs at least. `buffers`: what peers have sent and is not answered yet,
    beyond a connection's free part, and what waits in the system for those that do not read. `tls`: sessions.
    `certificates`: with their keys. `recordings`: the set that is played, and one that is being read. `journal`: its
    entries. `admin`: the admin side's connections, and what they send. `answers`: what it answers.
    """

    connections: MemoryPool
    buffers: MemoryPool
    tls: MemoryPool
    certificates: MemoryPool
    recordings: MemoryPool
    journal: MemoryPool
    admin: MemoryPool
    answers: MemoryPool

    @classmethod
    def of(cls, memory_bytes: int) -> "Budget":
        """Share out what a process may have, `memory_bytes` in all."""
        percent = max(0, max(memory_bytes, MIN_BYTES) - INTERPRETER_BYTES) // 100
        return cls(
            connections=MemoryPool("connections", CONNECTIONS * percent),
            buffers=MemoryPool("buffers", BUFFERS * percent),
            tls=MemoryPool("tls", TLS * percent),
            certificates=MemoryPool("certificates", CERTIFICATES * percent),
            recordings=MemoryPool("recordings", RECORDINGS * percent),
            journal=MemoryPool("journal", JOURNAL * percent),
            admin=MemoryPool("admin", ADMIN * percent),
            answers=MemoryPool("answers", ANSWERS * percent),
        )

    @property
    def pools(self) -> tuple[MemoryPool, ...]:
        return (
            self.connections,
            self.buffers,
            self.tls,
            self.certificates,
            self.recordings,
            self.journal,
            self.admin,
            self.answers,
        )

    def count(self, *, connections: int, journal_bytes: int) -> None:
        """Note what is in use of the pools that are not asked for each connection and each entry."""
        self.connections.used = connections * CONNECTION_BYTES
        self.journal.used = journal_bytes

    @property
    def max_connections(self) -> int:
        """How many connections there is room for."""
        return self.connections.limit // CONNECTION_BYTES

    @property
    def recordings_room(self) -> int:
        """How many bytes one set of recordings may have: while it is read, the one before is played."""
        return self.recordings.limit // 2
