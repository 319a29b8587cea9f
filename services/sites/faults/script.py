"""A script: the bytes, pauses and the ending of one response. A fault makes it, and the connection sends it."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import NamedTuple

SHORT_BYTES = 64 * 1024  # a response up to this size is one write, and all its copies share the same bytes
# What a peer does not take waits in its transport: since Python 3.12 as a view, which costs nothing; before, as a copy.
PIECE_BYTES = SHORT_BYTES if sys.version_info >= (3, 12) else 16 * 1024


class Ending(Enum):
    """What happens to the connection after the last byte."""

    KEEP = "the next request is answered"
    CLOSE = "FIN; over TLS, close_notify comes before it"
    CUT = "FIN, and no close_notify"
    RESET = "RST, once the peer's system has acknowledged every byte"
    SILENCE = "nothing, until the peer leaves"


class Pause(NamedTuple):
    """A time in which nothing is sent."""

    seconds: float


Bytes = bytes | memoryview
Step = Bytes | Pause | Ending
Script = Iterator[Step]
Value = int | float | str


@dataclass(frozen=True, slots=True)
class Response:
    """One response as it is to be sent: its bytes, and what happens to the connection then."""

    head: bytes
    body: bytes
    ending: Ending

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield head and body in pieces. Neither is copied whole: thousands of connections may do this at once."""
        for begin in range(0, len(self), size):
            yield self.cut(begin, begin + size)

    def cut(self, begin: int, end: int) -> bytes:
        """Return a copy of a part. Meant for small parts."""
        split = len(self.head)
        return self.head[begin:end] + self.body[max(0, begin - split) : max(0, end - split)]

    def part(self, begin: int, end: int) -> Iterator[Bytes]:
        """Yield a part of head and body together: a small one as one copy, a large one in pieces without a copy."""
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
    """The input of a fault: the response, the request's target, its parameters, its random generator."""

    response: Response
    target: str
    parameters: Mapping[str, Value]
    random: Random

    def whole(self, name: str) -> int:
        return int(self.parameters[name])

    def number(self, name: str) -> float:
        return float(self.parameters[name])

    def rest(self, begin: int = 0) -> Script:
        """Yield the response from its byte `begin` on, with its own ending."""
        yield from pieces(self.response.head, begin)
        yield from pieces(self.response.body, begin - len(self.response.head))
        yield self.response.ending


def pieces(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[Bytes]:
    """Yield data, or its part from `begin` to `end`, in pieces of PIECE_BYTES at most.

    Large data is not copied: ten thousand peers may request it and read nothing.
    """
    begin, end = max(0, begin), len(data) if end is None else min(end, len(data))
    if end - begin <= PIECE_BYTES:
        if end > begin:
            yield data[begin:end]
        return
    view = memoryview(data)
    for at in range(begin, end, PIECE_BYTES):
        yield view[at : min(at + PIECE_BYTES, end)]
