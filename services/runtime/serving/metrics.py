"""Metrics for Prometheus: one registry an application, so that two of them can live in one process.

Several processes that share a port keep their numbers in files of one directory (prometheus-client's multiprocess
mode, which PROMETHEUS_MULTIPROC_DIR chooses before the import); any of them then answers for all.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

Handler = Callable[[web.Request], Awaitable[web.Response]]


def exposition(registry: CollectorRegistry, *, multiprocess_dir: str = "") -> Handler:
    """Return the handler of /metrics for one registry or, if a directory is named, for all processes that share it."""

    async def metrics(_request: web.Request) -> web.Response:
        source = registry
        if multiprocess_dir:
            source = CollectorRegistry()
            MultiProcessCollector(source, path=multiprocess_dir)  # type: ignore[no-untyped-call]
        return web.Response(body=generate_latest(source), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return metrics


async def healthy(_request: web.Request) -> web.Response:
    """Answer /healthz and /readyz: the process runs and its loop turns."""
    return web.Response(text="ok\n")
