"""Opening a port, and letting go of it well.

An application (aiohttp) is served by `serve_app`; a raw protocol has its own server and shares `listening` and
`Address` with it. Both are async context managers: inside, the port answers; on the way out, it accepts nothing
new and lets requests in flight end, for `drain_s` seconds at most.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from services.runtime.alongside import alongside
from services.runtime.errors import PortUnavailable
from services.runtime.gate import POOL, Gate, Gates, usual_pool
from services.runtime.memory_limit import MEMORY_BYTES

# A thousand users at once knock before the first is let in. The kernel caps it at net.core.somaxconn.
BACKLOG = 16_384
DRAIN_S = 5.0  # inside Compose's grace period of 10 s
LOST = {errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH}  # a connection whose peer was cut off
RECEIVE_BYTES = 32 * 1024  # of what a peer sends, until it is read: socket(7), SO_RCVBUF; the system doubles it
LINGER_S = 2.0  # for what a peer still sends after its answer
UNSENT_BYTES = 16 * 1024  # of what a peer has no room for: tcp(7), TCP_NOTSENT_LOWAT


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


class Address(NamedTuple):
    """Where something listens."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as a base URL, without a slash at its end."""
        return f"http://{self}"


def listening(where: Address, *, reuse_port: bool = False) -> socket.socket:
    """Return a socket that is bound to `where` (port 0: any free one).

    Raises PortUnavailable where it is taken or not allowed.
    """
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    try:
        # asyncio turns Nagle's algorithm off only where the protocol is named: an answer in two writes took 40 ms else.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise unavailable(where, error) from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound_what_the_system_holds(bound)
        bound.setblocking(False)
        bound.bind(where)
    except OSError as error:
        bound.close()
        raise unavailable(where, error) from error
    return bound


def bound_what_the_system_holds(bound: socket.socket) -> None:
    """Bound the memory that the system spends on each connection of a listening socket, which they inherit.

    Left alone, it takes 4 MB for a peer that reads nothing, and 6 MB of one that is not read from, and since version 2
    of control groups all of it counts as this process's. Nothing is slower for it: what is on its way is not bounded.
    """
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


def unavailable(where: Address, error: OSError) -> PortUnavailable:
    """Return what an error of the system means for a port, and what a person can do."""
    reason = error.strerror or str(error)
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return PortUnavailable(*where, reason, remedy="raise the limit of open files (ulimit -n)")
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return PortUnavailable(*where, reason, remedy="name an address of this machine")
    return PortUnavailable(*where, reason)


def bound_address(bound: socket.socket) -> Address:
    """Return where a bound socket is."""
    return Address(*bound.getsockname()[:2])


async def stop_accepting(server: asyncio.Server) -> None:
    """Close a server's sockets once each connection that it has accepted is with its protocol. Those stay open.

    asyncio makes a connection's transport one round of the loop after it has accepted it. A server that is closed in
    between breaks that off: the peer hears nothing, and Python complains of what is left over.
    """
    loop = asyncio.get_running_loop()
    try:
        if isinstance(loop, asyncio.SelectorEventLoop):  # uvloop accepts a connection and makes its transport at once
            for accepting in server.sockets:
                loop.remove_reader(accepting.fileno())
            await asyncio.sleep(0)
    finally:
        server.close()
    await asyncio.sleep(0)  # uvloop closes the socket in its next round


@asynccontextmanager
async def serve_app(
    app: web.Application, where: Address, *, reuse_port: bool = False, drain_s: float = DRAIN_S
) -> AsyncIterator[Address]:
    """Serve an aiohttp application and yield the address it got."""
    bound = listening(where, reuse_port=reuse_port)
    # aiohttp waits that long twice, for what is in flight and once more when it has asked it to end; 0 is "no limit"
    runner = web.AppRunner(
        app, access_log=None, logger=log, shutdown_timeout=max(drain_s / 2, 0.001), lingering_time=LINGER_S
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
