"""The admin side of a site: health, readiness and metrics, on a port that never leaves the lab."""

from collections.abc import Iterable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from services.runtime.metrics import exposition, healthy
from services.sites.replay import Site


class SiteCollector(Collector):
    """Reads a site's tally when somebody asks, so that an answer costs one addition and no lock."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        outcomes = CounterMetricFamily("site_requests", "Requests by host and outcome", labels=["host", "outcome"])
        for (host, outcome), count in self._site.tally.items():
            outcomes.add_metric([host, outcome], count)
        yield outcomes
        yield CounterMetricFamily("site_connections", "Connections accepted", value=self._site.accepted)
        yield GaugeMetricFamily("site_connections_open", "Connections open now", value=len(self._site.connections))


def make_admin(site: Site) -> web.Application:
    """Return the admin application of a site that is ready."""
    registry = CollectorRegistry()
    registry.register(SiteCollector(site))

    async def ready(_request: web.Request) -> web.Response:
        return web.Response(text="".join(f"{host}\n" for host in sorted(site.recordings)))

    app = web.Application()
    app.add_routes(
        [
            web.get("/healthz", healthy),
            web.get("/readyz", ready),
            web.get("/metrics", exposition(registry)),
        ]
    )
    return app


def make_unready_admin(reason: str) -> web.Application:
    """Return the admin application of a site that cannot be ready, and says why."""

    async def unready(_request: web.Request) -> web.Response:
        return web.Response(status=503, text=f"{reason}\n")

    app = web.Application()
    app.add_routes([web.get("/healthz", healthy), web.get("/readyz", unready)])
    return app
