"""A TCP connection to the first of a name's addresses that answers (RFC 8305, "happy eyeballs").

Raw sockets, and not the loop's own connections: the address connected to is the very one that was judged and counted,
both loops do the same, and on asyncio it takes half the time.
"""

import asyncio
import errno
import os
import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple

from services.client.errors import FetchError, fetch_error
from services.client.wget.watch import Watch, release

NEXT_ADDRESS_S = 0.25  # RFC 8305, section 5: Connection Attempt Delay
# A reset instead of an orderly end once we have the head: an orderly one would hold each local port for a minute.
ABORT = struct.pack("ii", 1, 0)
IN_PROGRESS = {errno.EINPROGRESS, errno.EAGAIN}
OURS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Address(NamedTuple):
    """An IP address and a port."""

    ip: str
    port: int

    @property
    def family(self) -> socket.AddressFamily:
        """AF_INET6 or AF_INET."""
        return socket.AF_INET6 if ":" in self.ip else socket.AF_INET

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


class Shortage(Exception):
    """This machine has no file, port or memory left for a connection: no fault of the host's."""


def interleaved(addresses: Sequence[Address]) -> list[Address]:
    """Return the addresses with families taking turns, the first's first (RFC 8305, section 4)."""
    families: dict[socket.AddressFamily, list[Address]] = {}
    for address in addresses:
        families.setdefault(address.family, []).append(address)
    if len(families) < 2:
        return list(addresses)
    lines = list(families.values())
    return [line[rank] for rank in range(len(addresses)) for line in lines if rank < len(line)]


async def connect(addresses: Sequence[Address], watch: Watch, until_s: float) -> tuple[socket.socket, Address]:
    """Return a connected socket, non-blocking, and its address.

    Raises FetchError (refused, unreachable, reset), Expired, CutOff, or Shortage where this machine is at its limits.
    """
    if len(addresses) == 1:
        return await connect_one(addresses[0], watch, until_s), addresses[0]
    return await Race(interleaved(addresses), watch).won(until_s)


async def connect_one(address: Address, watch: Watch, until_s: float) -> socket.socket:
    """Return a socket that is connected to one address."""
    connection = begin(address)
    try:
        loop, fd = asyncio.get_running_loop(), connection.fileno()
        writable: asyncio.Future[None] = loop.create_future()
        loop.add_writer(fd, release, writable)
        try:
            await watch.wait(writable, until_s)
        finally:
            loop.remove_writer(fd)
        if number := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise failure(number)
    except BaseException:
        connection.close()
        raise
    return connection


def begin(address: Address) -> socket.socket:
    """Return a socket that is being connected. Raises FetchError or Shortage."""
    try:
        connection = socket.socket(address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    except OSError as error:
        raise failure(error.errno or 0) from error
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        number = connection.connect_ex(address)
    except OSError as error:
        number = error.errno or errno.EINVAL
    if number and number not in IN_PROGRESS:
        connection.close()
        if number == errno.EADDRNOTAVAIL and address.family == socket.AF_INET:
            raise Shortage("no local port is free")  # over IPv6 it says that this machine has none
        raise failure(number)
    return connection


def failure(number: int) -> FetchError | Shortage:
    """Return what an errno of connecting stands for."""
    if number in OURS:
        return Shortage(os.strerror(number))
    return fetch_error(OSError(number, os.strerror(number)))


class Race:
    """Addresses of one name, a new one tried every NEXT_ADDRESS_S or as soon as one has failed; the first wins."""

    def __init__(self, addresses: Sequence[Address], watch: Watch) -> None:
        self._waiting = list(addresses)
        self._watch = watch
        self._running: dict[socket.socket, Address] = {}
        self._failures: list[tuple[Address, FetchError | Shortage]] = []
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._end: asyncio.Future[tuple[socket.socket, Address] | None] = self._loop.create_future()

    async def won(self, until_s: float) -> tuple[socket.socket, Address]:
        """Return the winner's socket and address; every other socket is closed."""
        try:
            self._try_next()
            winner = await self._watch.wait(self._end, until_s)
        finally:
            self._stop()
        if winner is None:
            raise self._verdict()
        return winner

    def _try_next(self) -> None:
        if self._timer:
            self._timer.cancel()
        while self._waiting:
            address = self._waiting.pop(0)
            try:
                connection = begin(address)
            except (FetchError, Shortage) as error:
                self._failures.append((address, error))
                continue
            self._running[connection] = address
            self._loop.add_writer(connection.fileno(), self._writable, connection)
            if self._waiting:
                self._timer = self._loop.call_later(NEXT_ADDRESS_S, self._try_next)
            return
        self._lose_if_over()

    def _writable(self, connection: socket.socket) -> None:
        self._loop.remove_writer(connection.fileno())
        address = self._running.pop(connection)
        number = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number == 0 and not self._end.done():
            self._end.set_result((connection, address))
            return
        connection.close()
        if not self._end.done():
            self._failures.append((address, failure(number)))
            self._try_next()

    def _lose_if_over(self) -> None:
        if not (self._running or self._waiting or self._end.done()):
            self._end.set_result(None)

    def _verdict(self) -> FetchError | Shortage:
        """Return the first failure, with what became of the others."""
        errors = [error for _, error in self._failures if isinstance(error, FetchError)]
        if not errors:
            return self._failures[0][1]
        told = "; ".join(f"{address}: {error}" for address, error in self._failures)
        return FetchError(errors[0].kind, told)

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()
        for connection in self._running:
            self._loop.remove_writer(connection.fileno())
            connection.close()
