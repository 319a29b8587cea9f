"""What a recording has besides tasks, within bounds: phases, marks, depths, hand-offs, lags, and what held the loop.

One thread adds to these lists, another may read meanwhile.
"""

from typing import TypeVar

from services.client.trace.facts import Point
from services.client.trace.model import Blocking, Depth, HandOff, Lag, Mark, Phase, bounded
from services.client.trace.pieces import Ended
from services.client.trace.tasks.track import Track

MAX_EVENTS = 100_000  # of each kind but phases

Item = TypeVar("Item")


class BoundedList(list[Item]):
    """A list with a bound. `dropped`: how many items were not taken.

    It is a list, and does not hold one, since readers go on from the item that they read last.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self.dropped = 0

    def add(self, item: Item) -> None:
        """Append an item, or count it."""
        if len(self) < self._most:
            self.append(item)
        else:
            self.dropped += 1


class Notes:
    """The notes of one process. Times are from the trace's beginning; a track may be None: no task that is recorded."""

    def __init__(self, *, process: int, most_phases: int) -> None:
        self.phases: BoundedList[Phase] = BoundedList(most_phases)
        self.marks: BoundedList[Mark] = BoundedList(MAX_EVENTS)
        self.depths: BoundedList[Depth] = BoundedList(MAX_EVENTS)
        self.hand_offs: BoundedList[HandOff] = BoundedList(MAX_EVENTS)
        self.lags: BoundedList[Lag] = BoundedList(MAX_EVENTS)
        self.blockings: BoundedList[Blocking] = BoundedList(MAX_EVENTS)
        self._process = process

    @property
    def dropped_events(self) -> int:
        """How many events were beyond the bounds."""
        lists = (self.marks, self.depths, self.hand_offs, self.lags, self.blockings)
        return sum(each.dropped for each in lists)

    def phase(self, track: Track | None, name: str, *, begin_s: float, end_s: float, ended: Ended) -> None:
        """Note a phase of a task."""
        number, process = None, self._process
        if track:
            track.borders += (begin_s, end_s)
            number, process = number_of(track), track.process
        note = bounded(ended.note) if ended.note else ""
        self.phases.add(Phase(bounded(name), number, begin_s, end_s, process, note, ended.ok))

    def mark(self, track: Track | None, kind: str, text: str, *, at_s: float) -> None:
        """Note a moment of a task."""
        self.marks.add(Mark(number_of(track), at_s, kind, bounded(text), self._process_of(track)))

    def depth(self, queue: str, depth: int, *, at_s: float) -> None:
        """Note how many items a queue has."""
        self.depths.add(Depth(bounded(queue), at_s, depth, self._process))

    def handed_off(self, name: str, given: Point, taken: Point, *, kind: str) -> None:
        """Note a hand-off."""
        self.hand_offs.add(HandOff(bounded(name), *given, *taken, kind))

    def lag(self, lag_s: float, *, at_s: float) -> None:
        """Note how late the loop is."""
        self.lags.add(Lag(at_s, lag_s, self._process))

    def blocking(self, track: Track | None, at: tuple[str, str], *, begin_s: float, end_s: float) -> None:
        """Note that one call has held the loop. `at`: its place and function."""
        self.blockings.add(Blocking(number_of(track), begin_s, end_s, *at, self._process))

    def _process_of(self, track: Track | None) -> int:
        return track.process if track else self._process


def number_of(track: Track | None) -> int | None:
    """Return the id of a recorded task; None for any other."""
    return track.id if track and track.is_recorded else None
