"""A TCP connection to the first of a name's addresses that answers (RFC 8305, "happy eyeballs").

Raw sockets, and not the loop's own connections: the address connected to is the very one that was judged and counted,
and it costs a fraction of the time.
"""

import asyncio
import errno
import os
import socket
import time
from collections.abc import Sequence

from services.client.errors import FetchError, fetch_error
from services.client.survey.deadlines import Deadline, Expired
from services.client.survey.transport.epoll import WRITE, PolledSocket
from services.client.survey.transport.sockets import SocketAddress, Sockets

NEXT_ADDRESS_S = 0.25  # RFC 8305, section 5: Connection Attempt Delay
IN_PROGRESS = {errno.EINPROGRESS, errno.EALREADY, errno.EAGAIN}
MADE_AND_RESET = {errno.ECONNRESET, errno.EPIPE}  # a reset in answer to the first packet is ECONNREFUSED
OURS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRINUSE}
NO_PORT = "no local port is free"


class LocalLimit(Exception):
    """This machine has no file, port or memory left for a connection: no fault of the host's."""


def interleaved(addresses: Sequence[SocketAddress]) -> list[SocketAddress]:
    """Return the addresses, alternating between their families, the first one's first (RFC 8305, section 4)."""
    families: dict[socket.AddressFamily, list[SocketAddress]] = {}
    for address in addresses:
        families.setdefault(address.family, []).append(address)
    if len(families) < 2:
        return list(addresses)
    lines = list(families.values())
    return [line[rank] for rank in range(len(addresses)) for line in lines if rank < len(line)]


async def connect(
    sockets: Sockets, addresses: Sequence[SocketAddress], deadline: Deadline, until_s: float
) -> tuple[PolledSocket, SocketAddress]:
    """Return a connected socket and its address.

    Raises FetchError (refused, unreachable, reset), Expired, SurveyStopped, or LocalLimit.
    """
    if len(addresses) > 1:
        return await HappyEyeballs(sockets, interleaved(addresses), deadline).connect(until_s)
    address = addresses[0]
    polled = begin(sockets, address)
    try:
        while not is_connected(polled):
            await polled.wait(WRITE, deadline, until_s)
    except BaseException:
        polled.close()
        raise
    return polled, address


def begin(sockets: Sockets, address: SocketAddress) -> PolledSocket:
    """Return a socket that is being connected. Raises FetchError or LocalLimit."""
    try:
        polled = sockets.acquire(address)
    except OSError as error:
        raise failure(error.errno or 0) from error
    try:
        number = polled.socket.connect_ex(address)
    except OSError as error:
        number = error.errno or errno.EINVAL
    if number in IN_PROGRESS or number == 0:
        return polled
    polled.close()
    if number == errno.EADDRNOTAVAIL and has_source_address(address):
        raise LocalLimit(NO_PORT)
    raise failure(number)


def has_source_address(address: SocketAddress) -> bool:
    """Return whether this machine has an address to go there from: EADDRNOTAVAIL may say that it has none (IPv6).

    A datagram socket that is connected chooses its address and sends nothing.
    """
    with socket.socket(address.family, socket.SOCK_DGRAM) as probe:
        return probe.connect_ex(address) == 0


def is_connected(polled: PolledSocket) -> bool:
    """Return whether a connection has been made, though it may have been reset since. Raises FetchError if it failed.

    To connect once more would show it, too, but would lose what the peer of a connection that was reset has sent.
    """
    try:
        polled.socket.getpeername()
    except OSError:
        number = polled.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number not in MADE_AND_RESET and number != 0:
            raise failure(number) from None
        return number != 0
    return True


def failure(number: int) -> FetchError | LocalLimit:
    """Return what an errno of connecting stands for."""
    if number in OURS:
        return LocalLimit(NO_PORT if number == errno.EADDRINUSE else os.strerror(number))
    return fetch_error(OSError(number, os.strerror(number)))


class HappyEyeballs:
    """Connects to the addresses of one name, to a new one every NEXT_ADDRESS_S or as soon as one has failed.

    The first connection that is made counts.
    """

    def __init__(self, sockets: Sockets, addresses: Sequence[SocketAddress], deadline: Deadline) -> None:
        self._sockets, self._deadline = sockets, deadline
        self._untried = list(addresses)
        self._attempts: dict[PolledSocket, SocketAddress] = {}
        self._failures: list[tuple[SocketAddress, FetchError | LocalLimit]] = []
        self._next_s = 0.0  # when the next address is due

    async def connect(self, until_s: float) -> tuple[PolledSocket, SocketAddress]:
        """Return the socket that was connected first and its address; every other one is closed."""
        try:
            while True:
                self._start_due()
                if connected := self._connected():
                    return connected, self._attempts.pop(connected)
                if self._attempts:
                    await self._wait(until_s)
                elif not self._untried:
                    raise self._failure()
        finally:
            for polled in self._attempts:
                polled.close()

    def _start_due(self) -> None:
        while self._untried and (not self._attempts or time.monotonic() >= self._next_s):
            address = self._untried.pop(0)
            self._next_s = time.monotonic() + NEXT_ADDRESS_S
            try:
                self._attempts[begin(self._sockets, address)] = address
            except (FetchError, LocalLimit) as error:
                self._fail(address, error)

    def _connected(self) -> PolledSocket | None:
        for polled, address in list(self._attempts.items()):
            try:
                if is_connected(polled):
                    return polled
            except (FetchError, LocalLimit) as error:
                del self._attempts[polled]
                polled.close()
                self._fail(address, error)
        return None

    def _fail(self, address: SocketAddress, error: FetchError | LocalLimit) -> None:
        self._failures.append((address, error))
        self._next_s = 0.0

    async def _wait(self, until_s: float) -> None:
        """Wait until a connection was made or refused, or the next address is due. Raises Expired or SurveyStopped."""
        if self._untried and self._next_s == 0.0:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for polled in self._attempts:
            polled.release_when_ready(WRITE, waiter)
        next_s = self._next_s if self._untried else until_s
        try:
            await self._deadline.wait(waiter, min(next_s, until_s))
        except Expired:
            if time.monotonic() >= until_s:
                raise

    def _failure(self) -> FetchError | LocalLimit:
        """Return the first failure, with all others in its detail; one that is an answer of the host comes first.

        Without IPv6 here, the first address of many a host is unreachable, whatever the host itself says at another.
        """
        kinds = [error.kind for _, error in self._failures if isinstance(error, FetchError)]
        if not kinds:
            return self._failures[0][1]
        outcomes = "; ".join(f"{address}: {error}" for address, error in self._failures)
        return FetchError(next((kind for kind in kinds if kind != "unreachable"), "unreachable"), outcomes)
