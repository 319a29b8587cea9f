"""What a recording has besides tasks, within bounds: phases, marks, depths, hand-offs, lags, and what held the loop.

One thread adds to these lists, another may read meanwhile.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar, overload

from services.client.trace.facts import Point
from services.client.trace.model import Blocking, Depth, HandOff, Lag, Mark, Phase, bounded
from services.client.trace.pieces import NOT_SAID, Ended
from services.client.trace.tasks.track import Track

MAX_EVENTS = 100_000  # of each kind but phases
FIELDS = len(Phase._fields)

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


class PhaseList(Sequence[Phase]):
    """Phases, with a bound. `dropped`: how many were not taken.

    A program has many. So they are kept as numbers and texts, of which a Phase is made where it is read: objects that
    stay are what the garbage collector looks through again and again while the program runs.
    """

    def __init__(self, most: int) -> None:
        self._fields: list[object] = []
        self._most = most * FIELDS
        self.dropped = 0

    def add(self, fields: tuple[str, int | None, float, float, int, str, bool]) -> None:
        """Append a phase, of which these are the fields, or count it."""
        if len(self._fields) < self._most:
            self._fields += fields
        else:
            self.dropped += 1

    def __len__(self) -> int:
        return len(self._fields) // FIELDS

    def __iter__(self) -> Iterator[Phase]:
        return (self[index] for index in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Phase: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Phase]: ...
    def __getitem__(self, index: int | slice) -> Phase | Sequence[Phase]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        begin = range(len(self))[index] * FIELDS
        return Phase._make(self._fields[begin : begin + FIELDS])


class Notes:
    """The notes of one process. Times are from the trace's beginning; a track may be None: no task that is recorded."""

    def __init__(self, *, process: int, most_phases: int) -> None:
        self.phases = PhaseList(most_phases)
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

    def phase(self, track: Track | None, name: str, *, begin_s: float, end_s: float, ended: Ended = NOT_SAID) -> None:
        """Note a phase of a task, and how it ended."""
        number, process = None, self._process
        if track:
            track.borders.append(begin_s)
            track.borders.append(end_s)
            number, process = track.id if track.is_recorded else None, track.process
        note = bounded(ended.note) if ended.note else ""
        self.phases.add((bounded(name), number, begin_s, end_s, process, note, ended.ok))

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
