"""Lesson 1, one after another: the next host is asked when the one before has answered.

`await` lets the event loop run other tasks until the answer is there. Here there are none, so nothing happens
meanwhile, and the waits add up. The fetch itself is that of `await_`: it is how it is run that makes it slow.
Read `yield_from` next.
"""

from collections.abc import Awaitable, Callable, Iterable

from services.client.lesson import run_lesson
from services.client.wget.await_ import wget


async def fetch_all(fetch: Callable[[str], Awaitable[None]], hosts: Iterable[str]) -> None:
    """Fetch every host, one after another."""
    for host in hosts:
        await fetch(host)


if __name__ == "__main__":
    run_lesson(wget, fetch_all)
