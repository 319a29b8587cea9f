"""What is measured of the lab's services: health, loop lag, requests a second, memory.

All of it is what a service says of itself at /readyz and /metrics. A rate is the difference between two looks, so the
first one has none.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from prometheus_client.parser import text_string_to_metric_families

REQUESTS = frozenset({"hello_requests", "site_requests", "gateway_requests", "gateway_tunnels"})
LAG_S = "process_loop_lag_seconds"
MEMORY = "process_memory_bytes"


@dataclass(frozen=True, slots=True)
class Service:
    """A service as a page gets it. None: it does not say, or it is the first look.

    `detail`: why it is not healthy; `requests`: how many it has had.
    """

    name: str
    healthy: bool
    detail: str = ""
    lag_ms: float | None = None
    requests: int | None = None
    requests_per_s: float | None = None
    memory_bytes: int | None = None

    def as_json(self) -> dict[str, object]:
        """Return it as a page gets it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures in a text of /metrics."""

    lag_s: float | None = None
    requests: float | None = None
    memory_bytes: float | None = None


def figures_in(text: str, *, own: int = 0) -> Figures:
    """Return the figures in a text of /metrics; one that is not such a text has none.

    `own`: how many requests are not to be counted.
    """
    found: dict[str, float] = {}
    try:
        for family in text_string_to_metric_families(text):
            name = "requests" if family.name in REQUESTS else family.name
            counted = (each.value for each in family.samples if not each.name.endswith("_created"))
            found[name] = found.get(name, 0.0) + sum(counted)
    except ValueError:
        return Figures()
    requests = found.get("requests")
    return Figures(found.get(LAG_S), None if requests is None else max(0.0, requests - own), found.get(MEMORY))


class Rates:
    """Requests a second, from counts at two times."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[float, float]] = {}

    def rate(self, name: str, count: float | None) -> float | None:
        """Return how many a second there were since the last call for this name; None for the first one."""
        if count is None:
            return None
        now = time.monotonic()
        before = self._counts.get(name)
        self._counts[name] = (now, count)
        if before is None or count < before[1] or now <= before[0]:  # it has begun anew
            return None
        return round((count - before[1]) / (now - before[0]), 1)

    def keep(self, names: Iterable[str]) -> None:
        """Forget all others."""
        kept = set(names)
        self._counts = {name: each for name, each in self._counts.items() if name in kept}


def measured(name: str, figures: Figures, rate: float | None, *, trouble: str = "") -> Service:
    """Return a service with its figures."""
    return Service(
        name,
        healthy=not trouble,
        detail=trouble,
        lag_ms=None if figures.lag_s is None else round(figures.lag_s * 1000, 1),
        requests=None if figures.requests is None else int(figures.requests),
        requests_per_s=rate,
        memory_bytes=None if figures.memory_bytes is None else int(figures.memory_bytes),
    )


def as_json(services: Iterable[Service]) -> Mapping[str, object]:
    """Return the services as a page gets them."""
    return {"services": [each.as_json() for each in services]}
