"""A list that takes so many items at most, and counts the others. One thread adds, another may read meanwhile."""

from typing import TypeVar

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
