"""How many exchanges were in progress at once: a sweep over the times at which they were received and ended.

An exchange is in progress from when its request was whole until it ended; one that has not ended, until now. One that
begins at the instant in which another ends does not overlap with it.
"""

import math
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from services.sites.journal import Exchange


class Span(NamedTuple):
    """When an entry's exchange was in progress; `ended_s` is infinity while it is."""

    begun_s: float
    ended_s: float
    number: int


def most_at_once(spans: Sequence[Span]) -> list[int]:
    """Return the numbers of the entries that were in progress when most of them were, in the order in which they began.

    Of several such moments it is the first. Blocks: a full journal is work for a thread, in which spans, unlike the
    exchanges themselves, do not change.
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
