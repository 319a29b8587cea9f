"""The tracks of a recording, within its bounds: what is beyond them is only counted.

A task asks for a few slices at a time, since to count each would take about as long as to note it.
"""

from services.client.trace.model import bounded
from services.client.trace.tasks.track import Track
from services.client.trace.tasks.waits import NONE, Waits

AT_ONCE = 16  # slices that a task is allowed
PLENTY = 100 * AT_ONCE  # where there are fewer left, it is allowed one


class Tracks:
    """The tracks of one recording. `tracks`: those that are kept; `slices_left`: how many slices may still be kept."""

    def __init__(self, *, process: int, most_tasks: int, most_slices: int) -> None:
        self.tracks: list[Track] = []
        self.slices_left = most_slices
        self.dropped_tasks = self.dropped_slices = 0
        self.waits = Waits()
        self._process, self._most_tasks = process, most_tasks
        self._ids = 0

    def new(self, name: str, *, parent: int | None, begin_s: float, zero_s: float) -> Track:
        """Return the track of a new task; one beyond the bound is not kept.

        Times by the clock; `zero_s`: when the trace began.
        """
        self._ids += 1
        track = Track(
            self._ids,
            bounded(name),
            parent=parent,
            process=self._process,
            begin_s=begin_s,
            zero_s=zero_s,
            waits=self.waits,
        )
        if len(self.tracks) < self._most_tasks:
            self.tracks.append(track)
        else:
            self.dropped_tasks += 1
            track.is_recorded = False
        return track

    def drops_task(self) -> bool:
        """Return whether a new task is beyond the bound; then it is counted, and its track need not be made."""
        is_beyond = len(self.tracks) >= self._most_tasks
        self.dropped_tasks += is_beyond
        return is_beyond

    def unrecorded(self) -> Track:
        """Return the track of a task that is recorded only while it is in a lane."""
        track = Track(0, "", parent=None, process=self._process, begin_s=0.0, zero_s=0.0, waits=self.waits)
        track.is_recorded = False
        return track

    def allow_slices(self) -> int:
        """Return how many slices a task may keep before it asks again."""
        allowed = AT_ONCE if self.slices_left > PLENTY else min(1, self.slices_left)
        self.slices_left -= allowed
        return allowed

    def keep_slice(self, track: Track, began_s: float, end_s: float) -> None:
        """Keep the slice of a task that ended, or goes on in another lane; count it if it is beyond the bound."""
        if not track.is_recorded:
            return
        if self.slices_left:
            self.slices_left -= 1
            track.raw += (began_s, end_s, NONE)
        else:
            self.dropped_slices += 1
