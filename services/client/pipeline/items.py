"""The items, one after another: numbers, or the targets of an input of any length. Several producers may share them."""

from collections.abc import AsyncIterator
from typing import Protocol

from services.client.pipeline.options import Options
from services.client.pipeline.stages import Item, numbers
from services.client.survey.deadlines import Deadline
from services.client.survey.input_file import input_name, open_input
from services.client.survey.results.file import open_stdout
from services.client.survey.targets import LineSource
from services.runtime.errors import InputUnreadable


class Items(Protocol):
    """The items of one run."""

    @property
    def error(self) -> InputUnreadable | None:
        """Why the input ended early; what came before is done all the same."""
        ...

    def __aiter__(self) -> AsyncIterator[Item]:
        """Return this."""
        ...

    async def __anext__(self) -> Item:
        """Return the next item."""
        ...

    def fraction_taken(self) -> float | None:
        """Return how much of the input has been taken, from 0 to 1; None where its length is not known."""
        ...

    def stop(self) -> None:
        """End here."""
        ...


class NumberItems:
    """The tutorial's numbers, 1 to `count`."""

    error: InputUnreadable | None = None

    def __init__(self, count: int) -> None:
        self._count, self._taken, self._items = count, 0, numbers(count)

    def __aiter__(self) -> "NumberItems":
        return self

    async def __anext__(self) -> Item:
        for item in self._items:
            self._taken = item.id
            return item
        raise StopAsyncIteration

    def fraction_taken(self) -> float:
        """Return how many of them have been taken, from 0 to 1."""
        return self._taken / self._count if self._count else 1.0

    def stop(self) -> None:
        """End here."""
        self._items = iter(())


class TargetItems:
    """The targets of an input, one a line, as `client wget -i` reads them."""

    def __init__(self, source: LineSource) -> None:
        self._source = source

    @property
    def error(self) -> InputUnreadable | None:
        """Why the input ended early."""
        return self._source.error

    def __aiter__(self) -> "TargetItems":
        return self

    async def __anext__(self) -> Item:
        target = self._source.pop() or await self._source.next(Deadline())
        if target is None:
            raise StopAsyncIteration
        return Item(self._source.taken, target.text, target.line, target.problem or "")

    def fraction_taken(self) -> float | None:
        """Return how much of a file has been taken, from 0 to 1; None for a pipe."""
        return self._source.fraction_taken()

    def stop(self) -> None:
        """End here, and end the thread that reads."""
        self._source.stop()


def open_items(options: Options) -> tuple[Items, int]:
    """Return the items, and the descriptor that results are written to. Raises InputUnreadable, OutputUnusable."""
    if options.input is None:
        return NumberItems(options.count), open_stdout(None)
    input_fd = open_input(options.input)
    output_fd = open_stdout(input_fd)
    source = LineSource(input_fd, input_name(options.input))
    source.begin()
    return TargetItems(source), output_fd
