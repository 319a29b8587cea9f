"""Which sockets are ready: one epoll for the survey's sockets, inside the loop's.

A fetch waits on its socket two or three times, and a loop makes a new registration of each wait, with up to six system
calls. Here a socket is registered once, edge-triggered (epoll(7)), and the loop watches only the epoll. Both loops
then do the same, and nearly as fast. Where there is no epoll, as on macOS, each wait is registered with the loop: see
`LoopPolledSocket`.
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


class PolledSocket:
    """A socket and what is known of its readiness."""

    __slots__ = ("_poller", "_ready", "_waiter", "_wanted", "fd", "socket")

    def __init__(self, poller: "Poller", connection: socket.SocketType) -> None:
        self.socket, self.fd = connection, connection.fileno()
        self._poller = poller
        self._ready = 0
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self, wanted: int, deadline: Deadline, until_s: float) -> None:
        """Wait until the socket is ready to READ or to WRITE or either, or only seems so.

        Raises Expired or SurveyStopped.
        """
        if not self._ready & wanted:
            waiter = self._poller.create_future()
            self.release_when_ready(wanted, waiter)
            try:
                await deadline.wait(waiter, until_s)
            finally:
                self._waiter = None
        ready = self._ready
        if not ready & BROKEN:
            self._ready = ready & ~(wanted & WRITE if ready & PEER_ENDED else wanted)  # the next edge sets it again

    def release_when_ready(self, wanted: int, waiter: "asyncio.Future[None]") -> None:
        """Release a waiter as soon as the socket is ready to READ or to WRITE."""
        self._waiter, self._wanted = waiter, wanted
        if self._ready & wanted:
            release(waiter)

    def set_ready(self, events: int) -> None:
        """Note the events that epoll reports, and release the waiter of any of them."""
        if events & BROKEN:
            events |= READ | WRITE
        self._ready |= events
        if self._waiter is not None and events & self._wanted:
            release(self._waiter)

    def set_ready_soon(self, events: int) -> None:
        """Count as ready in the loop's next iteration: epoll reports no new edge for what was left to read or write."""
        self._ready &= ~events
        self._poller.call_soon(self.set_ready, events)

    def reset(self) -> None:
        """Forget the readiness of a connection that has been given up."""
        self._ready = 0

    def close(self) -> None:
        """Close the socket, which takes it out of the epoll, too."""
        self._poller.unregister(self)
        self.socket.close()


class LoopPolledSocket(PolledSocket):
    """A socket that is registered with the loop for each wait: a loop reports levels, again and again, and no edges."""

    __slots__ = ()

    def release_when_ready(self, wanted: int, waiter: "asyncio.Future[None]") -> None:
        """Release a waiter as soon as the socket is ready to READ or to WRITE."""
        super().release_when_ready(wanted, waiter)
        loop = self._poller.loop
        if wanted & ~self._ready & READ:
            loop.add_reader(self.fd, self._on_event, READ, loop.remove_reader)
        if wanted & ~self._ready & WRITE:
            loop.add_writer(self.fd, self._on_event, WRITE, loop.remove_writer)

    def _on_event(self, event: int, remove: Callable[[int], object]) -> None:
        remove(self.fd)
        self.set_ready(event)

    def reset(self) -> None:
        """Forget the readiness and the registrations of a connection that has been given up."""
        self._unregister_from_loop()
        super().reset()

    def close(self) -> None:
        """Close the socket; it must not be registered with the loop any more then."""
        self._unregister_from_loop()
        super().close()

    def _unregister_from_loop(self) -> None:
        self._poller.loop.remove_reader(self.fd)
        self._poller.loop.remove_writer(self.fd)


class Poller:
    """Polls the sockets of one loop; an (ordinary) context manager, at whose end those that are left are closed."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        self._sockets: dict[int, PolledSocket] = {}
        self.create_future, self.call_soon = self.loop.create_future, self.loop.call_soon

    def __enter__(self) -> "Poller":
        if self._epoll is not None:
            self.loop.add_reader(self._epoll.fileno(), self._dispatch, self._epoll)
        return self

    def __exit__(self, *_: object) -> None:
        for each in list(self._sockets.values()):
            each.close()
        if self._epoll is not None:
            self.loop.remove_reader(self._epoll.fileno())
            self._epoll.close()

    def register(self, new: socket.SocketType) -> PolledSocket:
        """Poll a new socket from now on."""
        if self._epoll is None:
            polled: PolledSocket = LoopPolledSocket(self, new)
        else:
            polled = PolledSocket(self, new)
            self._epoll.register(polled.fd, READ | WRITE | PEER_ENDED | select.EPOLLET)
        self._sockets[polled.fd] = polled
        return polled

    def unregister(self, polled: PolledSocket) -> None:
        """Poll a socket no longer, which is about to be closed."""
        self._sockets.pop(polled.fd, None)

    def _dispatch(self, epoll: "select.epoll") -> None:
        sockets = self._sockets
        for fd, events in epoll.poll(0, BATCH):
            # An event of a socket closed since may come to its successor: hence "or only seems so".
            if (polled := sockets.get(fd)) is not None:
                polled.set_ready(events)
