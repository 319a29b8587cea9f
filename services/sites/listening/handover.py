"""The Unix socket at which a site takes connections of clients from the gateway.

`services.runtime.sockets.handed` says what a message is. The socket is there while the site's listeners are open.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path

from services.runtime.sockets.handed import HandedConnection, Receiver, channel
from services.runtime.sockets.tcp import reset_on_close

AT_ONCE = 64  # connections that are taken before the loop looks at the others
BACKLOG = 16  # the gateway has one channel
MAX_WAITING = 4096  # more than a channel holds
SOCKET_MODE = 0o600

log = logging.getLogger(__name__)


class HandoverSocket:
    """The socket at `path`.

    `take` serves a connection, or returns False where its port is refused. `lost`: how many messages carried no
    connection, as where this process may have no more files.
    """

    def __init__(self, path: Path, take: Callable[[HandedConnection], bool]) -> None:
        self._path = path
        self._take = take
        self._listening: socket.socket | None = None
        self._channels: set[socket.socket] = set()
        self._receiver = Receiver()
        self._is_told = False
        self.lost = 0

    @property
    def is_open(self) -> bool:
        """Whether connections are taken."""
        return self._listening is not None

    async def open(self) -> None:
        """Take connections from now on. Where that cannot be, the log says why, once, and the gateway relays."""
        if self._listening:
            return
        listening = channel()
        try:
            await asyncio.to_thread(bind, listening, self._path)
        except OSError as error:
            listening.close()
            if not self._is_told:
                log.warning("no connection is handed over at %s: %s", self._path, os.strerror(error.errno or 0))
            self._is_told = True
            return
        self._listening = listening
        asyncio.get_running_loop().add_reader(listening, self._accept)

    async def shut(self) -> None:
        """Take no more, after those that are handed over already."""
        listening, self._listening = self._listening, None
        if listening is None:
            return
        asyncio.get_running_loop().remove_reader(listening)
        listening.close()
        for each in list(self._channels):
            self._read(each, at_once=MAX_WAITING)
            self._close(each)
        await asyncio.to_thread(self._path.unlink, missing_ok=True)

    def _accept(self) -> None:
        if self._listening is None:
            return
        try:
            accepted, _peer = self._listening.accept()
        except OSError:
            return
        accepted.setblocking(False)
        self._channels.add(accepted)
        asyncio.get_running_loop().add_reader(accepted, self._read, accepted)

    def _read(self, from_gateway: socket.socket, *, at_once: int = AT_ONCE) -> None:
        """Take the connections that are there."""
        for _one in range(at_once):
            try:
                handed = self._receiver.receive(from_gateway)
            except BlockingIOError:
                return
            except (EOFError, OSError):
                self._close(from_gateway)
                return
            if handed is None:
                self.lost += 1
            elif not self._take(handed):
                reset_on_close(handed.connected)  # as one that is in the queue of a listener which is shut
                handed.connected.close()

    def _close(self, channel_: socket.socket) -> None:
        if channel_ in self._channels:
            self._channels.discard(channel_)
            asyncio.get_running_loop().remove_reader(channel_)
            channel_.close()


def bind(listening: socket.socket, path: Path) -> None:
    """Make the socket's file, which this process's user alone can connect to, and listen. Raises OSError."""
    path.unlink(missing_ok=True)  # of a process that was killed
    listening.bind(str(path))
    path.chmod(SOCKET_MODE)
    listening.listen(BACKLOG)
