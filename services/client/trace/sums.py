"""Sums over a recording: how long its tasks ran, and how long they waited."""

from collections.abc import Sequence
from typing import NamedTuple

from services.client.trace.track import Track


class Sums(NamedTuple):
    """How long tasks ran and waited, all together, and in how many slices. What was dropped is not in it."""

    work_s: float
    wait_s: float
    slices: int


NOT_YET = Sums(0.0, 0.0, 0)


def sums_of(tracks: Sequence[Track], *, until_s: float) -> Sums:
    """Return the sums of tasks. `until_s`: when the recording ended, from its beginning."""
    work_s = wait_s = 0.0
    slices = 0
    for track in tracks:
        ran_s = sum(track.raw[1::3]) - sum(track.raw[0::3])
        end_s = until_s if track.end_s is None else track.end_s
        work_s += ran_s
        wait_s += max(0.0, end_s - track.begin_s - ran_s)
        slices += len(track.raw) // 3
    return Sums(work_s, wait_s, slices)
