"""Serving an aiohttp application on a port, within the limits of its memory pool.

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

from services.runtime.http import Address
from services.runtime.process import MEMORY_BYTES
from services.runtime.serving.connection_limits import PROCESS_BYTES
from services.runtime.serving.limited_handler import Refuse, limited_handler
from services.runtime.serving.limited_protocol import LimitedConnections, LimitedProtocol
from services.runtime.serving.listen import BACKLOG, DRAIN_S, bind_socket, bound_address, stop_accepting
from services.runtime.serving.loop_lag import LoopLag
from services.runtime.serving.memory_pool import MemoryPool
from services.runtime.tasks import background_task

POOL = web.AppKey("POOL", MemoryPool)
"""The memory of an application's connections; an application without it has `default_pool`."""
LAG = web.AppKey("LAG", LoopLag)
"""How late the loop of an application is."""
REFUSE: web.AppKey[Refuse] = web.AppKey("REFUSE")
"""Which requests an application must not see: it is asked ahead of routes and middlewares."""

LINGER_S = 2.0  # for what a peer still sends after its answer
UNREACHABLE = {errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH}  # the peer was cut off from the network

log = logging.getLogger(__name__)


@asynccontextmanager
async def serve_app(
    app: web.Application,
    where: Address,
    *,
    reuse_port: bool = False,
    drain_s: float = DRAIN_S,
    bound: socket.socket | None = None,
) -> AsyncIterator[Address]:
    """Serve an aiohttp application and yield the address it got. Raises PortUnavailable.

    `bound`: a socket that has an address already, which is closed in the end.
    """
    bound = bound or bind_socket(where, reuse_port=reuse_port)
    # aiohttp waits that long twice, for what is in flight and once more when it has asked it to end; 0 is "no limit"
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=log,
        shutdown_timeout=max(drain_s / 2, 0.001),
        lingering_time=LINGER_S,
        auto_decompress=False,  # `limited_handler` refuses compressed bodies
    )
    try:
        await runner.setup()
        async with accepting(
            runner, bound, LimitedConnections(app.get(POOL) or default_pool(), app.get(LAG)), app.get(REFUSE)
        ):
            yield bound_address(bound)
    finally:
        await runner.cleanup()
        bound.close()


@asynccontextmanager
async def accepting(
    runner: web.AppRunner, bound: socket.socket, connections: LimitedConnections, refuse: Refuse | None = None
) -> AsyncIterator[None]:
    """Accept connections while inside. `refuse`: which requests the application must not see."""
    http_server = runner.server
    if http_server is None:
        raise RuntimeError("the runner is not set up")
    http_server.request_handler = limited_handler(connections, http_server.request_handler, refuse)
    server = await asyncio.get_running_loop().create_server(
        lambda: LimitedProtocol(connections, http_server()), sock=bound, backlog=BACKLOG
    )
    try:
        async with background_task(connections.sweep_for_ever()):
            yield
    finally:
        await stop_accepting(server)


def default_pool() -> MemoryPool:
    """Return the pool of an application that has a process to itself."""
    return MemoryPool("connections", (MEMORY_BYTES - PROCESS_BYTES) // 4 * 3)


def shorten_peers_errors(record: logging.LogRecord) -> bool:
    """Make one line of information of a peer's error, without a traceback; let every record pass.

    A peer's errors are a request that is not HTTP, and a connection that ends before its answer.
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        reason = " ".join(error.message.split())[:200]
    elif isinstance(error, OSError) and (isinstance(error, ConnectionError) or error.errno in UNREACHABLE):
        reason = "the peer has left"
    else:
        return True
    record.levelno, record.levelname = logging.INFO, "INFO"
    record.msg, record.args = f"{record.getMessage()}: {reason}", ()
    record.exc_info = None
    return True


log.addFilter(shorten_peers_errors)
