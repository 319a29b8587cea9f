"""Pipelined requests, a few at a time: the connections that have sent requests ahead of their answers wait in a queue.

Without it, peers that send thousands of requests ahead would leave no time for peers that send one.
"""

import asyncio
from collections import deque
from collections.abc import Callable

AT_ONCE, INTERVAL_S = 5, 0.005  # a thousand pipelined requests a second


class PipelineQueue:
    """A queue of calls. Each lets one connection go on with its next request; AT_ONCE are made every INTERVAL_S."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], object]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, call: Callable[[], object]) -> None:
        """Add a call at the end of the queue."""
        self._waiting.append(call)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(0, self._make_calls)

    def _make_calls(self) -> None:
        self._timer = None
        for call in [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]:
            call()
        self._timer = asyncio.get_running_loop().call_later(INTERVAL_S, self._make_next_calls)

    def _make_next_calls(self) -> None:
        self._timer = None
        if self._waiting:
            self._make_calls()
