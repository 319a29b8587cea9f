"""What the editions of the pipeline share: an item, what becomes of it, and the functions between the two.

An edition says who runs these functions, where and when; the functions know nothing of that.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple


class Item(NamedTuple):
    """What the producer makes. `id`: its place in the input, from 1, the same whenever that input is read again.

    `text`: a number, or a target as `client wget` takes it. `line`: of the target, in its input. `problem`: why the
    text is no target, where that was seen when it was read.
    """

    id: int
    text: str
    line: int = 0
    problem: str = ""


class Result(NamedTuple):
    """What the consumer makes of an item. `ok`: whether it did what was asked.

    `text`: of a target, as it was given. `record`: of a target, the line that `client wget --format jsonl` writes;
    empty where no such lines are wanted.
    """

    id: int
    reply: str
    ok: bool = True
    text: str = ""
    record: bytes = b""


Work = Callable[[Item], Awaitable[Result]]
"""A consumer's work. It has a deadline of its own. What it raises is no result: the item is not done."""

REPLY = "200 OK"


def numbers(count: int) -> Iterator[Item]:
    """Yield the tutorial's items, 1 to `count`."""
    return (Item(n, str(n)) for n in range(1, count + 1))


def reply_to(item: Item) -> Result:
    """Return the tutorial's reply, which is the same for every number."""
    return Result(item.id, REPLY)
