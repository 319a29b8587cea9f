"""Lesson 4, the tutorial's pipeline: two functions take turns in one thread, by means of a generator.

1. `c.send(None)` runs the consumer to its first `yield`, where it waits.
2. `c.send(n)` resumes it with an item. It works, and its next `yield` gives the reply back.
3. `c.close()` ends it: the producer has no more items.
"""

from collections.abc import Generator, Iterable

from services.client.lesson import run_alone
from services.runtime.terminal import show


def consumer() -> Generator[str, int | None, None]:
    """Take an item at each `yield`, and give the reply to it at the next."""
    reply = ""
    while True:
        n = yield reply
        if not n:
            return
        show(f"[CONSUMER] Consuming {n}...")
        reply = "200 OK"


def produce(c: Generator[str, int | None, None], items: Iterable[int]) -> None:
    """Make the items, and hand each to the consumer before the next is made."""
    c.send(None)
    for n in items:
        show(f"[PRODUCER] Producing {n}...")
        reply = c.send(n)
        show(f"[PRODUCER] Consumer return: {reply}")
    c.close()


if __name__ == "__main__":
    run_alone(lambda: produce(consumer(), range(1, 6)))
