"""The routes for operators of the hello server: health, and metrics that count and time each page."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter

from services.hello.measured import measuring
from services.hello.settings import HelloSettings
from services.runtime.serving.allowed_hosts import HostRefusal, allowed_hosts, host_check
from services.runtime.serving.memory_pool import MemoryPool
from services.runtime.serving.metrics import exposition, healthy
from services.runtime.serving.serve import POOL

NAMES = ("hello", "gateway")  # its host name, and that of the gateway to it

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(settings: HelloSettings, pages: Mapping[str, Handler]) -> web.Application:
    """Return an application with its pages, each counted and timed, and the routes for operators.

    It answers to its own host names only, and its connections share one memory pool.
    """
    registry = CollectorRegistry()
    measured = measuring(registry)
    refused = Counter("hello_turned_away", "Connections and bodies that there was no memory for", registry=registry)
    app = web.Application(middlewares=[host_check(allowed_hosts(*NAMES, *settings.names), response_to)])
    app[POOL] = MemoryPool("connections", settings.pool_bytes, on_refused=refused.inc)
    app.add_routes([web.get(route, measured(route, handler)) for route, handler in pages.items()])
    app.add_routes(
        [
            web.get("/healthz", healthy),
            web.get("/readyz", healthy),
            web.get("/metrics", exposition(registry, multiprocess_dir=settings.multiprocess_dir)),
        ]
    )
    return app


def response_to(refusal: HostRefusal) -> web.Response:
    """Return a response of one line: which field is wrong, and which hosts are allowed."""
    return web.Response(status=refusal.status, text=f"{refusal.field}: {refusal.reason}\n")
