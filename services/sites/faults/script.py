"""Scripts: bytes, pauses and an ending. Faults and recordings become scripts, and a ResponseWriter sends them."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import NamedTuple

SHORT_BYTES = 64 * 1024  # a response that is not longer is one write, of bytes that all its connections share
# What a peer does not take waits in its transport: since Python 3.12 as a view, which costs nothing; before, as a copy.
PIECE_BYTES = SHORT_BYTES if sys.version_info >= (3, 12) else 16 * 1024


class Ending(Enum):
    """What becomes of the connection after the last byte."""

    KEEP = "the next request is answered"
    CLOSE = "FIN; over TLS, close_notify comes before it"
    CUT = "FIN, and no close_notify"
    RESET = "RST, once the peer's system has acknowledged every byte"
    SILENCE = "nothing, until the peer leaves"


class Pause(NamedTuple):
    """Nothing is sent for so long."""

    seconds: float


Bytes = bytes | memoryview
Step = Bytes | Pause | Ending
Script = Iterator[Step]
Value = int | float | str


@dataclass(frozen=True, slots=True)
class Response:
    """One response as it is to be sent: its bytes, and what becomes of the connection then."""

    head: bytes
    body: bytes
    ending: Ending

    def pieces(self, size: int) -> Iterator[bytes]:
        """Cut head and body as one, without a copy of either: thousands of connections may be at it."""
        for begin in range(0, len(self), size):
            yield self.cut(begin, begin + size)

    def cut(self, begin: int, end: int) -> bytes:
        """Return a copy of a part, which has to be a small one."""
        split = len(self.head)
        return self.head[begin:end] + self.body[max(0, begin - split) : max(0, end - split)]

    def part(self, begin: int, end: int) -> Iterator[Bytes]:
        """Give a part of head and body as one: in one piece if it is small, else in several, which are no copies."""
        if end - begin <= PIECE_BYTES:
            yield self.cut(begin, end)
            return
        split = len(self.head)
        yield from pieces(self.head, begin, end)
        yield from pieces(self.body, begin - split, end - split)

    def __len__(self) -> int:
        """How many bytes are sent."""
        return len(self.head) + len(self.body)


@dataclass(frozen=True, slots=True)
class FaultContext:
    """What a fault is given: the response, the request's target, its parameters, and a random generator."""

    response: Response
    target: str
    parameters: Mapping[str, Value]
    random: Random

    def whole(self, name: str) -> int:
        """Return a parameter that is a whole number."""
        return int(self.parameters[name])

    def number(self, name: str) -> float:
        """Return a parameter that is a number."""
        return float(self.parameters[name])

    def rest(self, begin: int = 0) -> Script:
        """Send the response from its byte `begin` on, and end as it ends."""
        yield from pieces(self.response.head, begin)
        yield from pieces(self.response.body, begin - len(self.response.head))
        yield self.response.ending


def pieces(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[Bytes]:
    """Cut data, or what is of it between `begin` and `end`, so that no write is larger than PIECE_BYTES.

    Of what is large, nothing is copied: ten thousand peers may ask for it, and read nothing.
    """
    begin, end = max(0, begin), len(data) if end is None else min(end, len(data))
    if end - begin <= PIECE_BYTES:
        if end > begin:
            yield data[begin:end]
        return
    view = memoryview(data)
    for at in range(begin, end, PIECE_BYTES):
        yield view[at : min(at + PIECE_BYTES, end)]
