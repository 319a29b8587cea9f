"""The targets, one after another, from arguments or from an input of any length (see `lines`)."""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from services.client.survey.deadlines import Deadline
from services.client.url.url import MAX_TARGET_BYTES
from services.runtime.errors import InputUnreadable

BOM = "\ufeff"  # some editors begin every file with one, and files are joined
SHOWN_BYTES = 200  # of a line that is no target


class Target(NamedTuple):
    """A target as it was given: the number of its line, from 1, its text, and why it is none, where that is known."""

    line: int
    text: str
    problem: str | None = None


class Input(Protocol):
    """Where targets come from. `error`: why it ended before its end."""

    error: InputUnreadable | None

    def begin(self) -> None:
        """Start to read, where that takes a thread. Raises NoThread."""

    def pop(self) -> Target | None:
        """Return the next target, if it has been read already."""

    async def more(self, deadline: Deadline) -> bool:
        """Wait until `pop` may have another target, and return whether it may. Raises SurveyStopped."""

    async def is_long(self, deadline: Deadline) -> bool:
        """Return whether the first look at the input shows a long list."""

    def stop(self) -> None:
        """End every wait for more."""

    def targets(self) -> Iterator[Target] | None:
        """Return all targets, without taking any; None where they can be read only once. Raises InputUnreadable."""

    def fraction_taken(self) -> float | None:
        """Return how much of the input has been taken, from 0 to 1; None where its length is not known."""


Skip = Callable[[int, str], bool]


def nothing_skipped(_line: int, _text: str) -> bool:
    """Skip nothing."""
    return False


class Source:
    """The targets of an input that a survey takes, but for those that it skips. After `stop` there are none."""

    def __init__(self, targets: Input, skip: Skip = nothing_skipped) -> None:
        self.input = targets
        self.skip = skip
        self.taken = 0
        self.skipped = 0
        self._ended = False

    async def next(self, deadline: Deadline) -> Target | None:
        """Return the next target that is not skipped, or None at the end. Raises SurveyStopped."""
        while not self._ended:
            if target := self.pop():
                return target
            if not await self.input.more(deadline):
                self._ended = True
        return None

    def pop(self) -> Target | None:
        """Return the next target that is not skipped, if it has been read already."""
        while not self._ended and (target := self.input.pop()):
            if not self.skip(target.line, target.text):
                self.taken += 1
                return target
            self.skipped += 1
        return None

    def stop(self) -> None:
        """End here."""
        self._ended = True
        self.input.stop()


class Arguments:
    """Targets from the command line; the line is the argument's place."""

    error: InputUnreadable | None = None

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._line = 0

    def begin(self) -> None:
        """Do nothing: all is there."""

    def pop(self) -> Target | None:
        if self._line == len(self._texts):
            return None
        self._line += 1
        return argument(self._line, self._texts[self._line - 1])

    async def more(self, _deadline: Deadline) -> bool:
        return False

    async def is_long(self, _deadline: Deadline) -> bool:
        return False

    def stop(self) -> None:
        """Do nothing: there is no wait."""

    def targets(self) -> Iterator[Target]:
        return map(argument, range(1, len(self._texts) + 1), self._texts)

    def fraction_taken(self) -> float:
        return self._line / len(self._texts)


def argument(line: int, given: str) -> Target:
    text = given.strip().removeprefix(BOM).lstrip()
    try:
        length = len(text.encode("utf-8"))
    except UnicodeEncodeError:  # bytes of an argument that are not UTF-8
        return Target(line, shown(os.fsencode(text)), "an argument that is not UTF-8")
    if length > MAX_TARGET_BYTES:
        return Target(line, shown(text.encode("utf-8")), f"an argument of more than {MAX_TARGET_BYTES:,} bytes")
    return Target(line, text)


def shown(text: bytes) -> str:
    """Return the beginning of a line that is no target, as ASCII."""
    return text[:SHOWN_BYTES].decode("ascii", "backslashreplace") + ("..." if len(text) > SHOWN_BYTES else "")
