"""The order of a host's recordings besides its own: the most special match first, and sequences within a match.

Recordings with the same match are a sequence, and each has its place in it: `sequence = 1`, `sequence = 2`. Each of
them answers as often as its `times` says, then the next one does; without `times` that is once, and for the last
without end.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from services.sites.replay.candidate import Candidate
from services.sites.replay.recording import Recording


class SameMatch(Exception):
    """A recording matches the same requests as another, and nothing says which comes first."""

    def __init__(self, recording: Recording, other: Recording) -> None:
        super().__init__(
            f"matches the same requests as {other.name}: say `sequence` in the sidecar of each, or another [match]"
        )
        self.recording, self.other = recording, other


def in_order(recordings: Iterable[Recording]) -> tuple[Recording, ...]:
    """Return recordings in the order in which they are tried. Raises SameMatch."""
    ordered = sorted(recordings, key=place)
    for before, after in pairwise(ordered):
        if before.sidecar.match == after.sidecar.match and same_place(before, after):
            raise SameMatch(after, before)
    return tuple(ordered)


def place(recording: Recording) -> tuple[object, ...]:
    """Return what recordings are sorted by: equal matches stand together."""
    match, sequence = recording.sidecar.match, recording.sidecar.sequence
    exact, characters, values, has_method = match.specificity
    special = (not exact, -characters, -values, not has_method)
    return *special, match.path, match.method or "", match.query, match.fields, sequence or 0, recording.name


def same_place(before: Recording, after: Recording) -> bool:
    """Return whether two recordings with the same match have no order."""
    places = before.sidecar.sequence, after.sidecar.sequence
    return None in places or places[0] == places[1]


def candidates_of(ordered: Sequence[Recording]) -> tuple[Candidate, ...]:
    """Return recordings as candidates; in a sequence, each but the last answers once where it does not say more."""
    followers = (*ordered[1:], None)
    return tuple(
        Candidate(each, match=each.sidecar.match, times=times_of(each, follower))
        for each, follower in zip(ordered, followers, strict=False)  # of none, None is left over
    )


def times_of(recording: Recording, follower: Recording | None) -> int | None:
    """Return how often a recording answers before its follower, if that has the same match; None: always."""
    is_last = follower is None or follower.sidecar.match != recording.sidecar.match
    return recording.sidecar.times if is_last or recording.sidecar.times is not None else 1
