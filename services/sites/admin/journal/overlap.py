"""How many exchanges were in progress at once: a sweep over the times at which they began and ended.

An exchange is in progress from the time its request was complete until it ended, or until now if it has not ended. If
one begins at the instant in which another ends, the two do not overlap.
"""

import math
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from services.sites.journal import Exchange


class Span(NamedTuple):
    """When the exchange of an entry was in progress. `ended_s` is infinity if it has not ended."""

    begun_s: float
    ended_s: float
    number: int


def most_at_once(spans: Sequence[Span]) -> list[int]:
    """Return the numbers of the entries in progress at the moment when most of them were, in order of their beginning.

    If there are several such moments, it is the first. It blocks: for a full journal it has to run in a thread. Spans
    do not change meanwhile, as exchanges do.
    """
    spans = sorted(spans, key=lambda each: each.begun_s)
    running: list[float] = []
    most = peak = 0
    for index, each in enumerate(spans):
        while running and running[0] <= each.begun_s:
            heappop(running)
        heappush(running, each.ended_s)
        if len(running) > most:
            most, peak = len(running), index
    before = [each.number for each in spans[:peak] if each.ended_s > spans[peak].begun_s]
    return before + [each.number for each in spans[peak : peak + 1]]


def span_of(number: int, exchange: Exchange) -> Span:
    """Return when an exchange was in progress, as it is known now."""
    return Span(exchange.received_s, exchange.ended_s if exchange.ended else math.inf, number)
