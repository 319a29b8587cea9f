"""Serving an aiohttp application on a port, and letting go of it well.

`serve_app` is an async context manager: inside, the port answers; on the way out, it accepts nothing new and lets
requests in flight end, for `drain_s` seconds at most. A raw protocol has its own server, and shares `listen` with it.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from services.runtime.process import MEMORY_BYTES
from services.runtime.serving.gate import POOL, Gate, Gates, usual_pool
from services.runtime.serving.listen import BACKLOG, DRAIN_S, Address, bound_address, listening, stop_accepting
from services.runtime.tasks import alongside

LINGER_S = 2.0  # for what a peer still sends after its answer
LOST = {errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH}  # a connection whose peer was cut off


def one_line_for_what_a_peer_did(record: logging.LogRecord) -> bool:
    """Let a record pass; a request that is not HTTP, or a peer that leaves before its answer, is no error of ours.

    Such a record becomes one line for information, without a traceback.
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        reason = " ".join(error.message.split())[:200]
    elif isinstance(error, OSError) and (isinstance(error, ConnectionError) or error.errno in LOST):
        reason = "the peer has left"
    else:
        return True
    record.levelno, record.levelname = logging.INFO, "INFO"
    record.msg, record.args = f"{record.getMessage()}: {reason}", ()
    record.exc_info = None
    return True


log = logging.getLogger(__name__)
log.addFilter(one_line_for_what_a_peer_did)


@asynccontextmanager
async def serve_app(
    app: web.Application, where: Address, *, reuse_port: bool = False, drain_s: float = DRAIN_S
) -> AsyncIterator[Address]:
    """Serve an aiohttp application and yield the address it got."""
    bound = listening(where, reuse_port=reuse_port)
    # aiohttp waits that long twice, for what is in flight and once more when it has asked it to end; 0 is "no limit"
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=log,
        shutdown_timeout=max(drain_s / 2, 0.001),
        lingering_time=LINGER_S,
        auto_decompress=False,  # bodies that say to be compressed are refused (see `gate`), and never unpacked
    )
    try:
        await runner.setup()
        async with gated(runner, bound, app):
            yield bound_address(bound)
    finally:
        await runner.cleanup()
        bound.close()


@asynccontextmanager
async def gated(runner: web.AppRunner, bound: socket.socket, app: web.Application) -> AsyncIterator[None]:
    """Accept connections through gates, which share the application's pool, until the block ends."""
    inner = runner.server
    if inner is None:
        raise RuntimeError("the runner is not set up")
    pool = app.get(POOL) or usual_pool(MEMORY_BYTES)
    gates = Gates(pool)
    inner.request_handler = gates.noting(inner.request_handler)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Gate(gates, inner()), sock=bound, backlog=BACKLOG)
    try:
        async with alongside(gates.sweep_for_ever()):
            yield
    finally:
        await stop_accepting(server)
