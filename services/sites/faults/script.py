"""What a connection can be told to do: bytes, pauses, an ending. Faults write scripts of these; it performs them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import NamedTuple

PIECE_BYTES = 64 * 1024


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


Step = bytes | Pause | Ending
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
        split = len(self.head)
        for begin in range(0, split + len(self.body), size):
            end = begin + size
            if end <= split:
                yield self.head[begin:end]
            elif begin >= split:
                yield self.body[begin - split : end - split]
            else:
                yield self.head[begin:] + self.body[: end - split]


@dataclass(frozen=True, slots=True)
class Play:
    """What a fault has to work with: the response, the request's target, its own parameters, its share of chance."""

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
        yield from pieces(self.response.head[begin:])
        yield from pieces(self.response.body[max(0, begin - len(self.response.head)) :])
        yield self.response.ending


def pieces(data: bytes, size: int = PIECE_BYTES) -> Iterator[bytes]:
    """Cut data, so that no write is larger than `size`."""
    if len(data) <= size:
        if data:
            yield data
        return
    for begin in range(0, len(data), size):
        yield data[begin : begin + size]
