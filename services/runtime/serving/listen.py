"""Opening a port. It knows no protocol and no library, so that the gateway too, which has no package, can use it.

Where the system has no more to give for a new connection, asyncio tells its exception handler of each try to accept
one, with a traceback, and tries again a second later; `AcceptErrors` makes one line of the log of it, once. uvloop
tells of none.
"""

import asyncio
import errno
import logging
import socket
from typing import NamedTuple

from services.runtime.errors import PortUnavailable

# A thousand users at once knock before the first is let in. The kernel caps it at net.core.somaxconn.
BACKLOG = 16_384
DRAIN_S = 5.0  # inside Compose's grace period of 10 s
RECEIVE_BYTES = 32 * 1024  # of what a peer sends, until it is read: socket(7), SO_RCVBUF; the system doubles it
UNSENT_BYTES = 16 * 1024  # of what a peer has no room for: tcp(7), TCP_NOTSENT_LOWAT


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


LACKING = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}  # those after which asyncio tries again
REMEDIES = {
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise the system's limit of open files (fs.file-max)",
}

log = logging.getLogger(__name__)


class AcceptErrors:
    """A loop's exception handler: says the first lack in one line; anything else is the loop's own to tell."""

    def __init__(self) -> None:
        self._told: set[int] = set()

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """Take what went wrong in no task of ours."""
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in LACKING and "accept" in str(context.get("message"))):
            loop.default_exception_handler(context)
            return
        if error.errno not in self._told:
            self._told.add(error.errno)
            remedy = REMEDIES.get(error.errno, "give this machine more memory")
            log.warning("connections wait: they cannot be accepted now: %s; %s", error.strerror, remedy)
