"""Metrics for Prometheus: one registry an application, so that two of them can live in one process.

What is of a process, its memory and how late its loop is, is that of the one that answers: of several workers that
share a port, any one.
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from services.runtime.process import memory_kib
from services.runtime.serving.loop_lag import LoopLag, process_lines

KIB = 1024
Handler = Callable[[web.Request], Awaitable[web.Response]]


def exposition(registry: CollectorRegistry, lag: LoopLag) -> Handler:
    """Return the handler of /metrics for one registry. `lag`: how late the loop of this process is."""

    async def metrics(_request: web.Request) -> web.Response:
        memory_bytes = await asyncio.to_thread(memory_kib) * KIB
        body = generate_latest(registry) + process_lines(lag, memory_bytes=memory_bytes).encode("ascii")
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return metrics


async def healthy(_request: web.Request) -> web.Response:
    """Answer /healthz and /readyz: the process runs and its loop turns."""
    return web.Response(text="ok\n")
