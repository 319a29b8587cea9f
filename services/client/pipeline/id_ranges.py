"""A set of ids as ranges: ids come nearly in order, so its size is that of the gaps and not of the input."""

from bisect import bisect_right
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
        for numbers in self.ranges():
            yield from numbers

    def ranges(self) -> Iterator[range]:
        """Yield the ranges, in order; no two of them touch."""
        return map(range, self._starts, self._ends)

    def add(self, number: int) -> bool:
        """Add a number; return whether it is new."""
        starts, ends = self._starts, self._ends
        if ends and number == ends[-1]:  # nearly all are
            ends[-1] = number + 1
            self.count += 1
            return True
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

    def add_all(self, numbers: list[int]) -> None:
        """Add numbers. Where they are consecutive and go on from the last range, that takes a tenth of the time."""
        low, end = numbers[0], numbers[0] + len(numbers)
        if (self._starts and low < self._starts[-1]) or numbers != list(range(low, end)):
            for number in numbers:
                self.add(number)
        elif low > self.last + 1 or not self._starts:
            self._append(low, end)
        elif end > self._ends[-1]:
            self.count += end - self._ends[-1]
            self._ends[-1] = end

    @property
    def last(self) -> int:
        """The greatest number; 0 where there is none."""
        return self._ends[-1] - 1 if self._ends else 0

    def has_range(self, first: int, last: int) -> bool:
        """Return whether all numbers from the first to the last are here."""
        at = bisect_right(self._starts, first)
        return at > 0 and last < self._ends[at - 1]

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

    def without(self, other: "IdRanges") -> "IdRanges":
        """Return the numbers that are here and not in the other set."""
        rest = IdRanges()
        at = 0
        for start, end in zip(self._starts, self._ends, strict=True):
            low = start
            while low < end:
                while at < len(other._ends) and other._ends[at] <= low:
                    at += 1
                stands = at < len(other._starts) and other._starts[at] < end  # a range that ends this one, or a part
                high = max(low, other._starts[at]) if stands else end
                if low < high:
                    rest._append(low, high)
                low = other._ends[at] if stands else end
        return rest

    def _append(self, start: int, end: int) -> None:
        """Add a range behind all others, which it does not touch."""
        self._starts.append(start)
        self._ends.append(end)
        self.count += end - start

    def shown(self, most: int) -> str:
        """Return the numbers for a person, as at most so many ranges: `1-3, 7, 9-12 and 40 more`."""
        parts: list[str] = []
        left = self.count
        for numbers in self.ranges():
            if len(parts) == most:
                return f"{', '.join(parts)} and {left:,} more"
            parts.append(f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else f"{numbers[0]}")
            left -= len(numbers)
        return ", ".join(parts)
