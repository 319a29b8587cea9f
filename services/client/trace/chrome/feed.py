"""What events are made of: a Trace that is finished, or a recorder whose lists still grow.

Both have the same members, and a list only ever grows at its end. So what is new since the last look is what stands
behind a number in each list, and a live run is written by the same code as a finished one.
"""

from collections.abc import Sequence
from typing import Protocol

from services.client.trace.model import (
    Blocking,
    Depth,
    HandOff,
    Lag,
    Mark,
    Outcome,
    Phase,
    Process,
    Slice,
)


class Lane(Protocol):
    """A task, as far as it is known now. Times are in seconds from the trace's beginning."""

    @property
    def id(self) -> int: ...

    @property
    def name(self) -> str: ...

    @property
    def parent(self) -> int | None: ...

    @property
    def group(self) -> int | None: ...

    @property
    def process(self) -> int: ...

    @property
    def begin_s(self) -> float: ...

    @property
    def end_s(self) -> float | None: ...

    @property
    def outcome(self) -> Outcome | None: ...

    @property
    def error(self) -> str: ...

    @property
    def note(self) -> str: ...

    @property
    def ok(self) -> bool: ...

    def slices_from(self, count: int) -> Sequence[Slice]:
        """Return the slices behind the first `count`."""
        ...


class Feed(Protocol):
    """A trace, or a recorder. `has_begun`: whether its clock is the one of all its times."""

    @property
    def has_begun(self) -> bool: ...

    @property
    def processes(self) -> Sequence[Process]: ...

    @property
    def tasks(self) -> Sequence[Lane]: ...

    @property
    def phases(self) -> Sequence[Phase]: ...

    @property
    def marks(self) -> Sequence[Mark]: ...

    @property
    def depths(self) -> Sequence[Depth]: ...

    @property
    def hand_offs(self) -> Sequence[HandOff]: ...

    @property
    def lags(self) -> Sequence[Lag]: ...

    @property
    def blockings(self) -> Sequence[Blocking]: ...


def borders_of(lane: Lane) -> Sequence[float]:
    """Return when phases of a growing lane have begun and ended, in order: it knows of those that have not ended."""
    found: Sequence[float] = getattr(lane, "borders", ())
    return found
