"""What operators ask of the hello server: health, and metrics that count and time each page."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.hello.settings import HelloSettings
from services.runtime.metrics import exposition, healthy

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_pages(app: web.Application, settings: HelloSettings, pages: Mapping[str, Handler]) -> None:
    """Give an application its pages, each counted and timed, and the routes of operators."""
    registry = CollectorRegistry()
    measured = measuring(registry)
    app.add_routes([web.get(route, measured(route, handler)) for route, handler in pages.items()])
    app.add_routes(
        [
            web.get("/healthz", healthy),
            web.get("/readyz", healthy),
            web.get("/metrics", exposition(registry, multiprocess_dir=settings.multiprocess_dir)),
        ]
    )


def measuring(registry: CollectorRegistry) -> Callable[[str, Handler], Handler]:
    """Return a wrapper that counts and times a route's requests."""
    requests = Counter("hello_requests", "Requests answered", ["route"], registry=registry)
    seconds = Histogram("hello_request_seconds", "Time to answer", ["route"], registry=registry)
    in_flight = Gauge(
        "hello_requests_in_flight", "Requests being answered", registry=registry, multiprocess_mode="livesum"
    )

    def measured(route: str, handler: Handler) -> Handler:
        counter, timer = requests.labels(route), seconds.labels(route)

        async def wrapper(request: web.Request) -> web.StreamResponse:
            with in_flight.track_inprogress(), timer.time():
                response = await handler(request)
            counter.inc()
            return response

        return wrapper

    return measured
