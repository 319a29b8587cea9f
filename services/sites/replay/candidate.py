"""A candidate: a response that a host may answer with, and how often it has.

A host has its own recording, for whatever no other candidate is for. Before it come the candidates from
`recordings/<host>/NAME.http`, the most special match first, and before those the plays of the admin API, the newest
first. `choose` takes the first that is for a request and has times left. It runs on the loop's thread, between two
awaits: so `times` is exact, however many connections ask at once.
"""

from collections.abc import Iterable

from services.sites.http.request import Request
from services.sites.replay.match import EVERY_REQUEST, Match, MatchedRequest
from services.sites.replay.recording import Recording


class Candidate:
    """A response with its match. `times`: how often it answers, None for always; `used`: how often it has, if not.

    `label`: as the journal has it, empty for the lab's own; `number`: of a play, 0 for what is from a file.
    """

    __slots__ = ("_whole", "label", "match", "number", "recording", "times", "used")

    def __init__(
        self, recording: Recording, *, match: Match = EVERY_REQUEST, times: int | None = None, number: int = 0
    ) -> None:
        self.recording = recording
        self.match = match
        self.times = times
        self.number = number
        self.label = f"play {number}" if number else recording.name
        self.used = 0
        self._whole = b""

    @property
    def is_spent(self) -> bool:
        """Whether it has answered as often as it may."""
        return self.times is not None and self.used >= self.times

    @property
    def left(self) -> int | None:
        """How often it still answers; None: always."""
        return None if self.times is None else self.times - self.used

    @property
    def held_bytes(self) -> int:
        """Its size in memory."""
        return self.recording.held_bytes + self.match.held_bytes

    def wire(self, *, head_only: bool) -> bytes:
        """Return the recording as one piece, made once: all requests that are known share it."""
        recording = self.recording
        if head_only:
            return recording.head
        self._whole = self._whole or recording.head + recording.body
        return self._whole


def choose(candidates: Iterable[Candidate], own: Candidate, request: Request) -> Candidate:
    """Return the first candidate that is for a request and has times left, counted; `own` where there is none."""
    matched = MatchedRequest(request)
    for each in candidates:
        if not each.is_spent and each.match.meets(matched):
            if each.times is not None:
                each.used += 1
            return each
    return own
