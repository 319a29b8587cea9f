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

        _is_shut_down = False

        def shutdown(self) -> None:
            """Say that no more items come, to all that wait in `get`, too."""
            self._is_shut_down = True
            for getter in self._getters:  # type: ignore[attr-defined] # as in Python 3.13
                if not getter.done():
                    getter.set_result(None)

        def empty(self) -> bool:
            """Return whether `get` would wait."""
            return not self.qsize() and not self._is_shut_down

        def _get(self) -> T:  # asyncio's own place for another order of items
            if not self.qsize():
                raise QueueShutDown
            return super()._get()


__all__ = ["Queue", "QueueShutDown"]
