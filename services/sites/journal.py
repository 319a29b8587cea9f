"""The journal: what every connection sent and got, kept in memory and bounded in entries and bytes.

One entry an exchange, and one for a connection that never sent a whole request. An exchange is entered when its request
is whole, or refused, and completed when it ends: a query after that finds it. When there is no room, the oldest
entries are dropped and counted, so that kept + dropped = total at any moment. Where the journal begins anew for one
host, the other hosts' entries keep their places and numbers: the host's own are passed over up to there.

Most exchanges are a known request, answered with a recording. Such an exchange is entered as a bare tuple, which costs
a tenth of an object, and becomes an object when it is read.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from services.sites.http.request_body import RequestBody

MAX_ENTRIES = 50_000
MAX_BYTES = 32 * 1024 * 1024
TRIM_EVERY = 256
ENTRY_BYTES = 576  # an Exchange with its connection, without the head's own bytes

# How an exchange ended; None while it has not.
KEPT = "kept"  # answered whole, and the connection stayed open
FIN = "fin"  # the site ended the connection after the last byte
RST = "rst"  # the site reset it
PEER_FIN = "peer_fin"  # the peer ended it first
PEER_RST = "peer_rst"  # the peer reset it
TIMED_OUT = "timed_out"  # a deadline of the site passed
STOPPED = "stopped"  # the site was stopped
BAD_HANDSHAKE = "bad_handshake"  # TLS was not agreed on
SITE_ERROR = "site_error"  # an error of this program, which is in the log
ENDS = (KEPT, FIN, RST, PEER_FIN, PEER_RST, TIMED_OUT, STOPPED, BAD_HANDSHAKE, SITE_ERROR)


class ConnectionInfo(NamedTuple):
    """A connection, as its entries share it. `accepted_s` is monotonic."""

    number: int
    peer: str
    secure: bool
    accepted_s: float


@dataclass(slots=True, eq=False)
class Exchange:
    """One request and its answer. Times are monotonic, in seconds.

    `number` counts within the connection, from 1; 0 is the entry of a connection that never sent a whole request.
    `head` is what came of the request's head, and `body` what is known of its body, None without one. `sent_bytes`
    counts what the system has taken for sending, after TLS is taken off. `sha256` is that of the recording, `response`
    its name or the play's; `fault` and `generation` are those of the plan that injected it.
    """

    connection: ConnectionInfo
    number: int
    head: bytes
    host: str
    sha256: str
    status: int
    received_s: float
    sent_bytes: int = 0
    ended: str | None = None
    ended_s: float = 0.0
    fault: str = ""
    generation: int = 0
    response: str = ""
    body: RequestBody | None = None

    @property
    def request_bytes(self) -> int:
        """The size of what is kept of the request."""
        return len(self.head) + (self.body.held_bytes if self.body else 0)


@dataclass(frozen=True, slots=True)
class CachedExchange:
    """What the quick entries of one known request share."""

    head: bytes
    host: str
    sha256: str
    status: int
    sent_bytes: int
    ended: str
    response: str = ""


CompactEntry = tuple[ConnectionInfo, int, CachedExchange, float, float]
"""A connection, the exchange's number, what was answered, when it was received and when it ended."""


class Snapshot(NamedTuple):
    """What a journal held at a moment: `first` is the number of the oldest entry; of a host, those after `begun`."""

    first: int
    entries: Sequence[Exchange | CompactEntry]
    begun: Mapping[str, int]

    def entry(self, number: int) -> Exchange:
        """Return the entry of a number."""
        return as_exchange(self.entries[number - self.first])

    def numbered(self, numbers: Iterable[int]) -> Iterator[tuple[int, Exchange]]:
        """Give those entries that count, of these numbers."""
        for number in numbers:
            exchange = self.entry(number)
            if number > self.begun.get(exchange.host, 0):
                yield number, exchange

    def oldest_first(self, since: int = 0) -> Iterator[tuple[int, Exchange]]:
        """Give each entry after `since` with its number."""
        return self.numbered(range(max(self.first, since + 1), self.first + len(self.entries)))


class Journal:
    """The last exchanges, oldest first.

    The bounds are of entries, of bytes in request heads and bodies, and of `held_bytes` for all together. Quick entries
    may go beyond them for a moment, by TRIM_EVERY entries; the hot path appends them to `entries` and counts them in
    `total` by itself.
    """

    __slots__ = ("_begun", "_bytes", "clears", "entries", "max_bytes", "max_entries", "max_held_bytes", "total")

    def __init__(
        self, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES, *, held_bytes: int | None = None
    ) -> None:
        self.max_entries, self.max_bytes = max_entries, max_bytes
        self.max_held_bytes = max_entries * ENTRY_BYTES + max_bytes if held_bytes is None else held_bytes
        self.entries: deque[Exchange | CompactEntry] = deque()
        self.total = 0
        self._bytes = 0
        self._begun: dict[str, int] = {}
        self.clears = 0  # how often all of it began anew, and with it the numbers

    @property
    def dropped(self) -> int:
        """How many there was no room for."""
        return self.total - len(self.entries)

    @property
    def held_bytes(self) -> int:
        """What the entries take in memory, all in all."""
        return len(self.entries) * ENTRY_BYTES + self._bytes

    def add(self, exchange: Exchange) -> None:
        """Keep an entry, and drop the oldest ones that there is no room for."""
        self.total += 1
        self._bytes += len(exchange.head) if exchange.body is None else exchange.request_bytes
        self.entries.append(exchange)
        self.trim()

    def trim(self) -> None:
        """Drop the oldest entries until the bounds are kept."""
        entries = self.entries
        while (count := len(entries)) and (
            count > self.max_entries
            or self._bytes > self.max_bytes
            or count * ENTRY_BYTES + self._bytes > self.max_held_bytes
        ):
            oldest = entries.popleft()
            if isinstance(oldest, Exchange):
                self._bytes -= oldest.request_bytes

    def clear(self) -> None:
        """Begin anew."""
        self.entries.clear()
        self._begun.clear()
        self.total = self._bytes = 0
        self.clears += 1

    def clear_host(self, host: str) -> None:
        """Begin anew for one host."""
        self._begun[host] = self.total

    def newest_first(self) -> Iterator[tuple[int, Exchange]]:
        """Give each entry as it is now, with its number: 1 is the first since the journal was begun."""
        kept = self.kept()
        return kept.numbered(range(kept.first + len(kept.entries) - 1, kept.first - 1, -1))

    def kept(self) -> Snapshot:
        """Return what there is now; what is dropped later stays in it."""
        self.trim()
        return Snapshot(self.dropped + 1, list(self.entries), dict(self._begun))

    def find(self, number: int) -> Exchange | None:
        """Return an entry as it is now; None where it is not kept any more."""
        index = number - self.dropped - 1
        if not 0 <= index < len(self.entries):
            return None
        exchange = as_exchange(self.entries[index])
        return exchange if number > self._begun.get(exchange.host, 0) else None


def as_exchange(entry: Exchange | CompactEntry) -> Exchange:
    """Return an entry in full."""
    if isinstance(entry, Exchange):
        return entry
    connection, number, same, received_s, ended_s = entry
    return Exchange(
        connection,
        number,
        same.head,
        same.host,
        same.sha256,
        same.status,
        received_s,
        sent_bytes=same.sent_bytes,
        ended=same.ended,
        ended_s=ended_s,
        response=same.response,
    )
