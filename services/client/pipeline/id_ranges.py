"""A set of ids as ranges: ids come nearly in order, so its size is that of the gaps and not of the input."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator


class IdRanges:
    """A set of whole numbers from 1. Adding one takes O(log n) of its ranges, and moves those behind a new gap."""

    __slots__ = ("_ends", "_starts", "count")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []  # of each range, the first number behind it
        self.count = 0

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._starts, number)
        return at > 0 and number < self._ends[at - 1]

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        for start, end in zip(self._starts, self._ends, strict=True):
            yield from range(start, end)

    def add(self, number: int) -> bool:
        """Add a number; return whether it is new."""
        starts, ends = self._starts, self._ends
        at = bisect_right(starts, number)
        if at and number < ends[at - 1]:
            return False
        self.count += 1
        joins_left, joins_right = at > 0 and ends[at - 1] == number, at < len(starts) and starts[at] == number + 1
        if joins_left and joins_right:
            ends[at - 1] = ends[at]
            del starts[at], ends[at]
        elif joins_left:
            ends[at - 1] = number + 1
        elif joins_right:
            starts[at] = number
        else:
            starts.insert(at, number)
            ends.insert(at, number + 1)
        return True

    def discard(self, number: int) -> bool:
        """Take a number out; return whether it was there."""
        starts, ends = self._starts, self._ends
        at = bisect_right(starts, number) - 1
        if at < 0 or number >= ends[at]:
            return False
        self.count -= 1
        start, end = starts[at], ends[at]
        pieces = [(low, high) for low, high in ((start, number), (number + 1, end)) if low < high]
        starts[at : at + 1] = [low for low, _ in pieces]
        ends[at : at + 1] = [high for _, high in pieces]
        return True

    def without(self, other: "IdRanges") -> Iterator[int]:
        """Yield the numbers that are here and not in the other set, in order."""
        for start, end in zip(self._starts, self._ends, strict=True):
            at = bisect_left(other._ends, start + 1)
            low = start
            while low < end:
                if at < len(other._starts) and other._starts[at] < end:
                    yield from range(low, max(low, other._starts[at]))
                    low = max(low, other._ends[at])
                    at += 1
                else:
                    yield from range(low, end)
                    low = end
