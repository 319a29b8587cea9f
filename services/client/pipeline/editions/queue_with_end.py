"""`asyncio.Queue` with `shutdown`, which Python has since 3.13: on 3.11 and 3.12, what the pipeline needs of it."""

import asyncio
import sys
from typing import TypeVar

T = TypeVar("T")

if sys.version_info >= (3, 13):
    from asyncio import Queue, QueueShutDown
else:

    class QueueShutDown(Exception):
        """The queue is empty, and no more items come."""

    class Queue(asyncio.Queue[T]):
        """A queue that can be shut down: `get` gives what is left, and then raises QueueShutDown."""

        def shutdown(self) -> None:
            """Say that no more items come, to all that wait in `get`, too."""
            take = self._get  # asyncio's own place for another order of items

            def take_or_end() -> T:
                if not self.qsize():
                    raise QueueShutDown
                return take()

            # Only from now on, and for this queue alone: until then, it is as quick as asyncio's own.
            self._get, self.empty = take_or_end, lambda: False  # type: ignore[method-assign]
            for getter in self._getters:  # type: ignore[attr-defined] # as in Python 3.13
                if not getter.done():
                    getter.set_result(None)


__all__ = ["Queue", "QueueShutDown"]
