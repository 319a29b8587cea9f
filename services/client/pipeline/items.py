"""The items, one after another: numbers, or the targets of an input of any length. Several producers may share them."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from itertools import chain
from typing import Protocol

from services.client.pipeline.options import Options
from services.client.pipeline.stages import Item, numbers
from services.client.survey.deadlines import Deadline
from services.client.survey.input_file import input_name, open_input
from services.client.survey.lines import Lines
from services.client.survey.results.file import open_stdout
from services.client.survey.targets import Source, Target
from services.runtime.errors import InputUnreadable
from services.runtime.tasks import run_in_daemon_thread


class Items(Protocol):
    """The items of one run: an asynchronous iterator, which several tasks may share."""

    @property
    def error(self) -> InputUnreadable | None:
        """Why the input ended early; what came before is done all the same."""
        ...

    def __aiter__(self) -> AsyncIterator[Item]: ...

    async def __anext__(self) -> Item: ...

    def ready(self) -> AsyncIterator[Iterator[Item]]:
        """Yield the items again and again as far as they are there: one for which nothing waits takes half the time."""
        ...

    def fraction_taken(self, attempted: int) -> float | None:
        """Return how much of the input has been taken, from 0 to 1; None where its length is not known.

        `attempted`: how many items have been handed over.
        """
        ...

    def stop(self) -> None:
        """End here."""
        ...


class NumberItems:
    """The tutorial's numbers, 1 to `count`."""

    error: InputUnreadable | None = None

    def __init__(self, count: int) -> None:
        self._count, self._items = count, numbers(count)

    def __aiter__(self) -> "NumberItems":
        return self

    async def __anext__(self) -> Item:
        for item in self._items:
            return item
        raise StopAsyncIteration

    async def ready(self) -> AsyncIterator[Iterator[Item]]:
        """Yield the numbers, all of which are there."""
        yield self._items

    def fraction_taken(self, attempted: int) -> float | None:
        """Return how much of the input has been taken, from 0 to 1."""
        return attempted / self._count if self._count else None

    def stop(self) -> None:
        """End here."""
        self._items = iter(())


class TargetItems:
    """The targets of an input, one a line, as `client wget -i` reads them."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def error(self) -> InputUnreadable | None:
        """Why the input ended early."""
        return self._source.input.error

    def __aiter__(self) -> "TargetItems":
        return self

    async def __anext__(self) -> Item:
        if item := self._pop():
            return item
        target = await self._source.next(Deadline())
        if target is None:
            raise StopAsyncIteration
        return self._item(target)

    async def ready(self) -> AsyncIterator[Iterator[Item]]:
        """Yield the targets that have been read, then those that come after a wait, and so on."""
        async for item in self:
            yield chain([item], iter(self._pop, None))

    def _pop(self) -> Item | None:
        target = self._source.pop()
        return None if target is None else self._item(target)

    def _item(self, target: Target) -> Item:
        """Return the target that was taken last as an item."""
        return Item(self._source.taken, target.text, target.line, target.problem or "")

    def fraction_taken(self, _attempted: int) -> float | None:
        """Return how much of a file has been taken, from 0 to 1; None for a pipe."""
        return self._source.input.fraction_taken()

    def stop(self) -> None:
        """End here, and end the thread that reads."""
        self._source.stop()


async def open_items(options: Options) -> tuple[Items, int]:
    """Return the items, and the descriptor that results are written to. Raises InputUnreadable, OutputUnusable."""
    name = options.input
    if name is None:
        return NumberItems(options.count), open_stdout(None)

    def open_both(name: str) -> tuple[int, int]:
        input_fd = open_input(name)
        return input_fd, open_stdout(input_fd)

    input_fd, output_fd = await run_in_daemon_thread(partial(open_both, name))  # a network file may wait for any time
    lines = Lines(input_fd, input_name(name))
    lines.begin()
    return TargetItems(Source(lines)), output_fd
