"""The figures of the pages: plain numbers in memory, which a scrape reads. Each worker has its part of a directory.

A library of metrics takes a lock for each change of a figure, and has several of them for each request. Here a change
is one addition on the loop's thread. With several workers the numbers are in a file that is mapped into memory, one
file a worker: the worker that is asked adds them up, and finds what the others have counted at once, before their
clients can ask for it.
"""

import errno
import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from math import inf
from mmap import mmap
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from services.runtime.errors import ProgramError

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, inf)
BOUNDS = (*map(str, BOUNDS_S[:-1]), "+Inf")  # as Prometheus writes them
NUMBER_BYTES = 8
IN_FLIGHT, TURNED_AWAY, ROUTES = 0, 1, 2  # where the numbers of the process, and then those of the routes, are
COUNT, SECONDS, BUCKETS = 0, 1, 2  # within those of a route
ROUTE_NUMBERS = BUCKETS + len(BOUNDS_S)
FILE_SUFFIX = ".figures"


class FiguresFailed(ProgramError):
    """A worker cannot have its file of figures."""

    exit_code = 3

    def __init__(self, directory: Path, reason: str) -> None:
        super().__init__(
            f"cannot keep the figures of a worker in {directory} ({reason}): "
            "have room there, or name another directory in TMPDIR or PROMETHEUS_MULTIPROC_DIR"
        )
        self.directory, self.reason = directory, reason


class Figures:
    """The figures of one process, as floating-point numbers in a row.

    `directory`: where each worker has a file of them; without it they are in this process alone.
    Raises FiguresFailed.
    """

    def __init__(self, routes: Iterable[str], directory: str = "") -> None:
        self.routes = tuple(routes)
        self.size = (ROUTES + ROUTE_NUMBERS * len(self.routes)) * NUMBER_BYTES
        self.file = Path(directory) / f"{os.getpid()}{FILE_SUFFIX}" if directory else None
        self.numbers = memoryview(self._mapped()).cast("d")

    def _mapped(self) -> mmap | bytearray:
        if self.file is None:
            return bytearray(self.size)
        try:
            with self.file.open("w+b", buffering=0) as file:
                # Zeros, and no hole: where a disk is full, a hole that is mapped ends its process by SIGBUS.
                written = file.write(bytes(self.size))
                if written < self.size:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return mmap(file.fileno(), self.size)
        except OSError as error:
            raise FiguresFailed(self.file.parent, error.strerror or str(error)) from error

    def turned_away(self) -> None:
        """Count a connection or a body that there was no memory for."""
        self.numbers[TURNED_AWAY] += 1

    def of_all(self) -> Sequence[float]:
        """Return the sum of every process's figures; those of this one count even where its file was removed."""
        if self.file is None:
            return self.numbers
        others = [file for file in self.file.parent.glob(f"*{FILE_SUFFIX}") if file != self.file]
        each = [memoryview(data).cast("d") for file in others if len(data := content(file)) == self.size]
        return [sum(column) for column in zip(self.numbers, *each, strict=True)]


def content(file: Path) -> bytes:
    """Return what is in a file; nothing where it has gone meanwhile, or cannot be read."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


class RouteFigures:
    """The figures of one route: how many requests are being answered and were answered, and how long each took."""

    __slots__ = ("_begin", "_numbers")

    def __init__(self, figures: Figures, route: str) -> None:
        self._numbers = figures.numbers
        self._begin = begin_of(figures.routes.index(route))

    def begin(self) -> None:
        """Count a request that begins."""
        self._numbers[IN_FLIGHT] += 1

    def end(self, seconds: float) -> None:
        """Count a request that ends, with an answer or without one, after so many seconds."""
        numbers, begin = self._numbers, self._begin
        numbers[IN_FLIGHT] -= 1
        numbers[begin + SECONDS] += seconds
        numbers[begin + BUCKETS + bisect_left(BOUNDS_S, seconds)] += 1

    def answered(self) -> None:
        """Count a request that has an answer."""
        self._numbers[self._begin + COUNT] += 1


def begin_of(index: int) -> int:
    """Return where the numbers of a route begin."""
    return ROUTES + ROUTE_NUMBERS * index


class FiguresCollector(Collector):
    """Reads the figures, as they are at a scrape."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; a histogram counts in each bucket what is in the lower ones, too."""
        numbers = self._figures.of_all()
        yield CounterMetricFamily(
            "hello_turned_away", "Connections and bodies that there was no memory for", value=numbers[TURNED_AWAY]
        )
        requests = CounterMetricFamily("hello_requests", "Requests answered", labels=["route"])
        seconds = HistogramMetricFamily("hello_request_seconds", "Time to answer", labels=["route"])
        for index, route in enumerate(self._figures.routes):
            begin = begin_of(index)
            counts = accumulate(numbers[begin + BUCKETS : begin + ROUTE_NUMBERS])
            buckets = list(zip(BOUNDS, counts, strict=True))
            requests.add_metric([route], numbers[begin + COUNT])
            seconds.add_metric([route], buckets, sum_value=numbers[begin + SECONDS])
        yield requests
        yield seconds
        yield GaugeMetricFamily("hello_requests_in_flight", "Requests being answered", value=numbers[IN_FLIGHT])
