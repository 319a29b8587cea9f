"""The body of a request: counted, hashed and forgotten as it comes, but for its first bytes.

What counts is the content, after the chunked coding is taken off.
"""

from dataclasses import dataclass
from hashlib import sha256

START_BYTES = 64 * 1024  # of each body, so that a test can ask what was in it
BODY_BYTES = 256  # of the objects that hold what is known of one


@dataclass(frozen=True, slots=True)
class RequestBody:
    """What is known of a body: its size, its SHA-256, and its first START_BYTES bytes."""

    size: int
    sha256: bytes
    start: bytes

    @property
    def held_bytes(self) -> int:
        """Its size in memory."""
        return BODY_BYTES + len(self.start)


class IncomingBody:
    """A body as it comes. `size`: how much of it has come; `start`: its first bytes."""

    __slots__ = ("_hash", "size", "start")

    def __init__(self) -> None:
        self._hash = sha256()
        self.size = 0
        self.start = bytearray()

    def add(self, data: bytes | bytearray) -> None:
        """Take in what has come."""
        self._hash.update(data)
        self.size += len(data)
        if len(self.start) < START_BYTES:
            self.start += data[: START_BYTES - len(self.start)]

    def forget(self) -> None:
        """Keep nothing of it."""
        self.size = 0
        self.start.clear()

    def so_far(self) -> RequestBody | None:
        """Return what is known of what has come; None where nothing has."""
        return RequestBody(self.size, self._hash.digest(), bytes(self.start)) if self.size else None
