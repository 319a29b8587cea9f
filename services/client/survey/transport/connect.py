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
from services.client.survey.transport.epoll import WRITE, Channel
from services.client.survey.transport.sockets import SocketAddress, Sockets

NEXT_ADDRESS_S = 0.25  # RFC 8305, section 5: Connection Attempt Delay
IN_PROGRESS = {errno.EINPROGRESS, errno.EALREADY, errno.EAGAIN}
MADE_AND_RESET = {errno.ECONNRESET, errno.EPIPE}  # a reset in answer to the first packet is ECONNREFUSED
OURS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRINUSE}
NO_PORT = "no local port is free"


class LocalLimit(Exception):
    """This machine has no file, port or memory left for a connection: no fault of the host's."""


def interleaved(addresses: Sequence[SocketAddress]) -> list[SocketAddress]:
    """Return the addresses with families taking turns, the first's first (RFC 8305, section 4)."""
    families: dict[socket.AddressFamily, list[SocketAddress]] = {}
    for address in addresses:
        families.setdefault(address.family, []).append(address)
    if len(families) < 2:
        return list(addresses)
    lines = list(families.values())
    return [line[rank] for rank in range(len(addresses)) for line in lines if rank < len(line)]


async def connect(
    sockets: Sockets, addresses: Sequence[SocketAddress], watch: Deadline, until_s: float
) -> tuple[Channel, SocketAddress]:
    """Return a connected channel and its address.

    Raises FetchError (refused, unreachable, reset), Expired, CutOff, or Shortage where this machine is at its limits.
    """
    if len(addresses) > 1:
        return await HappyEyeballs(sockets, interleaved(addresses), watch).won(until_s)
    address = addresses[0]
    channel = begin(sockets, address)
    try:
        while not is_connected(channel):
            await channel.wait(WRITE, watch, until_s)
    except BaseException:
        channel.close()
        raise
    return channel, address


def begin(sockets: Sockets, address: SocketAddress) -> Channel:
    """Return a channel that is being connected. Raises FetchError or Shortage."""
    try:
        channel = sockets.take(address)
    except OSError as error:
        raise failure(error.errno or 0) from error
    try:
        number = channel.socket.connect_ex(address)
    except OSError as error:
        number = error.errno or errno.EINVAL
    if number in IN_PROGRESS or number == 0:
        return channel
    channel.close()
    if number == errno.EADDRNOTAVAIL and has_source_address(address):
        raise LocalLimit(NO_PORT)
    raise failure(number)


def has_source_address(address: SocketAddress) -> bool:
    """Return whether this machine has an address to go there from: EADDRNOTAVAIL may say that it has none (IPv6).

    A datagram socket that is connected chooses its address and sends nothing.
    """
    with socket.socket(address.family, socket.SOCK_DGRAM) as probe:
        return probe.connect_ex(address) == 0


def is_connected(channel: Channel) -> bool:
    """Return whether a connection has been made, though it may have been reset since. Raises FetchError if it failed.

    To connect once more would tell, too; but of a connection that was reset it would forget what the peer has said.
    """
    try:
        channel.socket.getpeername()
    except OSError:
        number = channel.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
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
    """Addresses of one name, a new one tried every NEXT_ADDRESS_S or as soon as one has failed; the first wins."""

    def __init__(self, sockets: Sockets, addresses: Sequence[SocketAddress], watch: Deadline) -> None:
        self._sockets, self._watch = sockets, watch
        self._waiting = list(addresses)
        self._runners: dict[Channel, SocketAddress] = {}
        self._failures: list[tuple[SocketAddress, FetchError | LocalLimit]] = []
        self._next_s = 0.0  # when the next address is due

    async def won(self, until_s: float) -> tuple[Channel, SocketAddress]:
        """Return the winner's channel and address; every other channel is closed."""
        try:
            while True:
                self._start_due()
                if winner := self._winner():
                    return winner, self._runners.pop(winner)
                if self._runners:
                    await self._news(until_s)
                elif not self._waiting:
                    raise self._verdict()
        finally:
            for channel in self._runners:
                channel.close()

    def _start_due(self) -> None:
        while self._waiting and (not self._runners or time.monotonic() >= self._next_s):
            address = self._waiting.pop(0)
            self._next_s = time.monotonic() + NEXT_ADDRESS_S
            try:
                self._runners[begin(self._sockets, address)] = address
            except (FetchError, LocalLimit) as error:
                self._fail(address, error)

    def _winner(self) -> Channel | None:
        for channel, address in list(self._runners.items()):
            try:
                if is_connected(channel):
                    return channel
            except (FetchError, LocalLimit) as error:
                del self._runners[channel]
                channel.close()
                self._fail(address, error)
        return None

    def _fail(self, address: SocketAddress, error: FetchError | LocalLimit) -> None:
        self._failures.append((address, error))
        self._next_s = 0.0

    async def _news(self, until_s: float) -> None:
        """Wait until a connection has been made or refused, or the next address is due. Raises Expired or CutOff."""
        if self._waiting and self._next_s == 0.0:
            return
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for channel in self._runners:
            channel.announce(WRITE, news)
        next_s = self._next_s if self._waiting else until_s
        try:
            await self._watch.wait(news, min(next_s, until_s))
        except Expired:
            if time.monotonic() >= until_s:
                raise

    def _verdict(self) -> FetchError | LocalLimit:
        """Return the first failure, with what became of the others; that a host answered counts before that none did.

        Without IPv6 here, the first address of many a host is unreachable, whatever the host itself says at another.
        """
        kinds = [error.kind for _, error in self._failures if isinstance(error, FetchError)]
        if not kinds:
            return self._failures[0][1]
        told = "; ".join(f"{address}: {error}" for address, error in self._failures)
        return FetchError(next((kind for kind in kinds if kind != "unreachable"), "unreachable"), told)
