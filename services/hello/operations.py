"""The routes for operators of the hello server: health, and metrics that count and time each page."""

from collections.abc import Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry

from services.hello.figures import Figures, FiguresCollector, RouteFigures
from services.hello.measured import Handler, Measure, measured
from services.hello.settings import HelloSettings
from services.runtime.serving.allowed_hosts import HostRefusal, allowed_hosts, refusing
from services.runtime.serving.loop_lag import LoopLag
from services.runtime.serving.memory_pool import MemoryPool
from services.runtime.serving.metrics import exposition, healthy
from services.runtime.serving.serve import LAG, POOL, REFUSE

NAMES = ("hello", "gateway")  # its host name, and that of the gateway to it


def application(
    settings: HelloSettings, pages: Mapping[str, Handler], *, measure: Measure = measured
) -> web.Application:
    """Return an application with its pages, each counted and timed, and the routes for operators.

    It answers to its own host names only, and its connections share one memory pool.
    """
    registry = CollectorRegistry()
    figures = Figures(pages, settings.multiprocess_dir)
    registry.register(FiguresCollector(figures))
    app = web.Application()
    app[REFUSE] = refusing(allowed_hosts(*NAMES, *settings.names), response_to)
    app[POOL] = MemoryPool("connections", settings.pool_bytes, on_refused=figures.turned_away)
    app[LAG] = LoopLag()
    app.add_routes([web.get(route, measure(RouteFigures(figures, route), handler)) for route, handler in pages.items()])
    app.add_routes(
        [
            web.get("/healthz", healthy),
            web.get("/readyz", healthy),
            web.get("/metrics", exposition(registry, app[LAG])),
        ]
    )
    return app


def response_to(refusal: HostRefusal) -> web.Response:
    """Return a response of one line: which field is wrong, and which hosts are allowed."""
    return web.Response(status=refusal.status, text=f"{refusal.field}: {refusal.reason}\n")
