"""The metrics of the pages: how many requests were answered, how long each took, how many are being answered.

prometheus-client takes a lock for each change of a figure and, with several workers, writes to a mapped file. What was
answered is written at once, so that a client that has its answer finds it counted by every worker. How many are being
answered changes twice a request, and is written once in each turn of the loop.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class InFlight:
    """How many requests are being answered; `gauge` has the number from the next turn of the loop on."""

    __slots__ = ("_gauge", "_is_due", "_number")

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._number = 0
        self._is_due = False  # whether the number is about to be written

    def add(self, change: int) -> None:
        """Count 1 for a request that begins, -1 for one that ends."""
        self._number += change
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        self._is_due = False
        self._gauge.set(self._number)


def measuring(registry: CollectorRegistry) -> Callable[[str, Handler], Handler]:
    """Return a wrapper that counts and times a route's requests."""
    requests = Counter("hello_requests", "Requests answered", ["route"], registry=registry)
    seconds = Histogram("hello_request_seconds", "Time to answer", ["route"], registry=registry)
    in_flight = InFlight(
        Gauge("hello_requests_in_flight", "Requests being answered", registry=registry, multiprocess_mode="livesum")
    )

    def measured(route: str, handler: Handler) -> Handler:
        count, observe, change = requests.labels(route).inc, seconds.labels(route).observe, in_flight.add

        async def wrapper(request: web.Request) -> web.StreamResponse:
            change(1)
            began = perf_counter()
            try:
                response = await handler(request)
            finally:
                observe(perf_counter() - began)
                change(-1)
            count()
            return response

        return wrapper

    return measured
