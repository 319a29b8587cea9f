"""Metrics for Prometheus: one registry an application, so that two of them can live in one process.

Several processes that share a port keep their numbers in files of one directory (prometheus-client's multiprocess
mode, which PROMETHEUS_MULTIPROC_DIR chooses before the import); any of them then answers for all. What is of a process,
its memory and how late its loop is, is that of the one that answers.
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from services.runtime.process import memory_kib
from services.runtime.serving.loop_lag import LoopLag, process_lines

KIB = 1024
Handler = Callable[[web.Request], Awaitable[web.Response]]


def exposition(registry: CollectorRegistry, lag: LoopLag, *, multiprocess_dir: str = "") -> Handler:
    """Return the handler of /metrics for one registry or, if a directory is named, for all processes that share it.

    `lag`: how late the loop of this process is.
    """

    async def metrics(_request: web.Request) -> web.Response:
        source = registry
        if multiprocess_dir:
            source = CollectorRegistry()
            MultiProcessCollector(source, path=multiprocess_dir)  # type: ignore[no-untyped-call]
        memory_bytes = await asyncio.to_thread(memory_kib) * KIB
        body = generate_latest(source) + process_lines(lag, memory_bytes=memory_bytes).encode("ascii")
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return metrics


async def healthy(_request: web.Request) -> web.Response:
    """Answer /healthz and /readyz: the process runs and its loop turns."""
    return web.Response(text="ok\n")
