"""Listening on a port, for any protocol. It needs no package, so that the gateway, which has none, can use it.

`AcceptErrorHandler` is about the time after that. Where the system has no more files or memory for a new connection,
asyncio calls its exception handler at each attempt to accept one, with a traceback, and tries again a second later; the
handler here logs one line, once. uvloop calls none.
"""

import asyncio
import errno
import logging
import socket

from services.runtime.errors import PortUnavailable
from services.runtime.http import Address

BACKLOG = 16_384  # a thousand clients may connect at the same moment; the kernel's own limit is net.core.somaxconn
DRAIN_S = 5.0  # less than Compose's grace period of 10 s
RECEIVE_BYTES = 32 * 1024  # what a peer has sent and is not read yet: socket(7), SO_RCVBUF; the system doubles it
UNSENT_BYTES = 16 * 1024  # what a peer has no room for: tcp(7), TCP_NOTSENT_LOWAT

NO_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}  # after them, asyncio tries again
MORE_FILES = "raise the limit of open files (ulimit -n)"
REMEDIES = {errno.EMFILE: MORE_FILES, errno.ENFILE: "raise the system's limit of open files (fs.file-max)"}

log = logging.getLogger(__name__)


def bind_socket(where: Address, *, reuse_port: bool = False) -> socket.socket:
    """Return a socket that is bound to an address (port 0: any free one) and does not block.

    Raises PortUnavailable where the port is taken or not allowed.
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
        limit_kernel_buffers(bound)
        bound.setblocking(False)
        bound.bind(where)
    except OSError as error:
        bound.close()
        raise unavailable(where, error) from error
    return bound


def limit_kernel_buffers(bound: socket.socket) -> None:
    """Limit the memory that the system has for each connection of a listening socket, which they inherit.

    Its own limits are 4 MB for a peer that reads nothing, and 6 MB for one that is not read from, and version 2 of
    control groups counts all of it as this process's. No transfer is slower for it: bytes on the network do not count.
    """
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


def unavailable(where: Address, error: OSError) -> PortUnavailable:
    """Return what an error of the system means for a port, with a remedy."""
    reason = error.strerror or str(error)
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return PortUnavailable(*where, reason, remedy=MORE_FILES)
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return PortUnavailable(*where, reason, remedy="name an address of this machine")
    return PortUnavailable(*where, reason)


def bound_address(bound: socket.socket) -> Address:
    return Address(*bound.getsockname()[:2])


async def stop_accepting(server: asyncio.Server) -> None:
    """Close a server's sockets once each accepted connection has its protocol. These connections stay open.

    asyncio makes a connection's transport one round of the loop after it has accepted it. If the server is closed in
    between, the connection is dropped: its peer gets no answer, and Python warns of what is left over.
    """
    loop = asyncio.get_running_loop()
    try:
        if isinstance(loop, asyncio.SelectorEventLoop):  # uvloop accepts a connection and makes its transport at once
            for listener in server.sockets:
                loop.remove_reader(listener.fileno())
            await asyncio.sleep(0)
    finally:
        server.close()
    await asyncio.sleep(0)  # uvloop closes the socket in its next round


class AcceptErrorHandler:
    """A loop's exception handler: it logs each lack of files or memory once; the loop's own handler gets the rest."""

    def __init__(self) -> None:
        self._logged: set[int] = set()

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error, message = context.get("exception"), str(context.get("message"))
        if isinstance(error, ValueError) and "_start_serving" in message:
            return  # asyncio goes on with a listener that was closed while connections waited
        if not (isinstance(error, OSError) and error.errno in NO_RESOURCES and "accept" in message):
            loop.default_exception_handler(context)
            return
        if error.errno not in self._logged:
            self._logged.add(error.errno)
            remedy = REMEDIES.get(error.errno, "give this machine more memory")
            log.warning("connections wait: they cannot be accepted now: %s; %s", error.strerror, remedy)
