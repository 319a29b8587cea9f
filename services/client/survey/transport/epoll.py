"""Which sockets are ready: an epoll of our own, inside the loop's.

A fetch waits on its socket two or three times, and a loop makes a new registration of each wait, with up to six system
calls. Here a socket is registered once, edge-triggered (epoll(7)); the loop watches the epoll alone. Both loops
then do the same, and nearly as fast. Where there is no epoll, as on macOS, each wait is the loop's after all: see
`LoopChannel`.
"""

import asyncio
import select
import socket
from collections.abc import Callable

from services.client.survey.deadlines import Deadline, release

READ, WRITE = 1, 4  # EPOLLIN, EPOLLOUT
BROKEN = 0x10 | 0x8  # EPOLLHUP, EPOLLERR: neither reading nor writing will wait again
# EPOLLRDHUP: reading will not wait again; writing may, to a peer that has ended and reads nothing
PEER_ENDED = 0x2000
BATCH = 1_024


class Channel:
    """A socket and what is known of its readiness."""

    __slots__ = ("_poller", "_ready", "_waiter", "_wanted", "fd", "socket")

    def __init__(self, poller: "Poller", connection: socket.SocketType) -> None:
        self.socket, self.fd = connection, connection.fileno()
        self._poller = poller
        self._ready = 0
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self, wanted: int, watch: Deadline, until_s: float) -> None:
        """Wait until the socket is ready to READ or to WRITE or either, or only seems so. Raises Expired or CutOff."""
        if not self._ready & wanted:
            waiter = self._poller.waiter()
            self.announce(wanted, waiter)
            try:
                await watch.wait(waiter, until_s)
            finally:
                self._waiter = None
        ready = self._ready
        if not ready & BROKEN:
            self._ready = ready & ~(wanted & WRITE if ready & PEER_ENDED else wanted)  # the next edge sets it again

    def announce(self, wanted: int, waiter: "asyncio.Future[None]") -> None:
        """Release a waiter as soon as the socket is ready to READ or to WRITE."""
        self._waiter, self._wanted = waiter, wanted
        if self._ready & wanted:
            release(waiter)

    def tell(self, events: int) -> None:
        """Take what epoll says."""
        if events & BROKEN:
            events |= READ | WRITE
        self._ready |= events
        if self._waiter is not None and events & self._wanted:
            release(self._waiter)

    def again(self, wanted: int) -> None:
        """Seem ready once more, since no edge will announce what was left; all others have their turn first."""
        self._ready &= ~wanted
        self._poller.soon(self.tell, wanted)

    def begin_again(self) -> None:
        """Forget what was known, of a connection that has been given up."""
        self._ready = 0

    def close(self) -> None:
        """Forget and close the socket; closing takes it out of the epoll."""
        self._poller.forget(self)
        self.socket.close()


class LoopChannel(Channel):
    """A channel whose loop is asked at each wait, once: it tells of a level, which would go on, and not of an edge."""

    __slots__ = ()

    def announce(self, wanted: int, waiter: "asyncio.Future[None]") -> None:
        """Release a waiter as soon as the socket is ready to READ or to WRITE."""
        super().announce(wanted, waiter)
        loop = self._poller.loop
        if wanted & ~self._ready & READ:
            loop.add_reader(self.fd, self._tell_once, READ, loop.remove_reader)
        if wanted & ~self._ready & WRITE:
            loop.add_writer(self.fd, self._tell_once, WRITE, loop.remove_writer)

    def _tell_once(self, event: int, remove: Callable[[int], object]) -> None:
        remove(self.fd)
        self.tell(event)

    def begin_again(self) -> None:
        """Forget what was known, and what was asked, of a connection that has been given up."""
        self._ask_no_more()
        super().begin_again()

    def close(self) -> None:
        """Forget and close the socket; the loop must not know it any more then."""
        self._ask_no_more()
        super().close()

    def _ask_no_more(self) -> None:
        self._poller.loop.remove_reader(self.fd)
        self._poller.loop.remove_writer(self.fd)


class Poller:
    """Watches the channels of one loop; an (ordinary) context manager, at whose end those that are left are closed."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        self._channels: dict[int, Channel] = {}
        self.waiter, self.soon = self.loop.create_future, self.loop.call_soon

    def __enter__(self) -> "Poller":
        if self._epoll is not None:
            self.loop.add_reader(self._epoll.fileno(), self._dispatch, self._epoll)
        return self

    def __exit__(self, *_: object) -> None:
        for channel in list(self._channels.values()):
            channel.close()
        if self._epoll is not None:
            self.loop.remove_reader(self._epoll.fileno())
            self._epoll.close()

    def channel(self, connection: socket.SocketType) -> Channel:
        """Return the channel of a new socket."""
        if self._epoll is None:
            channel: Channel = LoopChannel(self, connection)
        else:
            channel = Channel(self, connection)
            self._epoll.register(channel.fd, READ | WRITE | PEER_ENDED | select.EPOLLET)
        self._channels[channel.fd] = channel
        return channel

    def forget(self, channel: Channel) -> None:
        """Look no more after a socket that is about to be closed."""
        self._channels.pop(channel.fd, None)

    def _dispatch(self, epoll: "select.epoll") -> None:
        channels = self._channels
        for fd, events in epoll.poll(0, BATCH):
            # An event of a socket closed since may come to its successor: hence "or only seems so".
            if (channel := channels.get(fd)) is not None:
                channel.tell(events)
