"""Connections of clients as they arrive: the first bytes of each decide whether its site or the gateway serves it.

A connection is accepted here, and read from, without a transport of asyncio's: where the site serves it itself (see
`handover`), none is ever made. All others become a `ClientConnection`. Until the first byte, a connection waits here.
"""

import asyncio
import socket

from services.gateway.proxy.decision import Forward, decide
from services.gateway.proxy.handover.choice import handover_of
from services.gateway.proxy.messages.request import HEAD_END, Refused, read_head
from services.gateway.proxy.relay.connection import ClientConnection
from services.gateway.proxy.relay.upstream import Dialer
from services.gateway.proxy.settings import READ_BYTES
from services.gateway.proxy.shared import Shared
from services.runtime.serving.listen import BACKLOG, NO_RESOURCES
from services.runtime.sockets.adopted import adopt, adopted
from services.runtime.sockets.tcp import reset_on_close

AT_ONCE = 64  # connections that are accepted before the loop looks at the others
ACCEPT_AGAIN_S = 1.0  # after the system had no file or memory for one


class Arrivals:
    """Accepts connections at a bound socket, and finds out for each whether its site or the gateway serves it."""

    def __init__(self, bound: socket.socket, shared: Shared, dialer: Dialer) -> None:
        self._bound = bound
        self._shared = shared
        self._dialer = dialer
        self._again: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Accept from now on."""
        self._bound.listen(BACKLOG)
        self._listen()

    async def end(self) -> None:
        """Accept no more, and return when each connection that was accepted has its protocol."""
        if self._again:
            self._again.cancel()
        self._shared.loop.remove_reader(self._bound)
        self._bound.close()
        await adopted()

    def _listen(self) -> None:
        self._again = None
        self._shared.loop.add_reader(self._bound, self._accept)

    def _accept(self) -> None:
        """Accept those that have connected."""
        for _one in range(AT_ONCE):
            try:
                connected, _peer = self._bound.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._wait_for_resources(error)
                return
            connected.setblocking(False)
            if not self._shared.admits():
                reset_on_close(connected)
                connected.close()
            else:
                self._read_at_once(connected)

    def _wait_for_resources(self, error: OSError) -> None:
        """Accept nothing for a while, as asyncio does. Raises an error that is not for lack of files or memory."""
        loop = self._shared.loop
        if error.errno not in NO_RESOURCES:
            raise error
        loop.call_exception_handler({"message": "accept() lacks resources", "exception": error, "socket": self._bound})
        loop.remove_reader(self._bound)
        self._again = loop.call_later(ACCEPT_AGAIN_S, self._listen)

    def _read_at_once(self, connected: socket.socket) -> None:
        """Serve a client whose request is there already, as most are; wait for the others."""
        try:
            came = connected.recv(READ_BYTES)
        except BlockingIOError:
            NewClient(connected, self._shared, self)
        except OSError:
            connected.close()
        else:
            self.serve(connected, came)

    def serve(self, connected: socket.socket, came: bytes) -> None:
        """Hand a connection over, or relay it; a client that has said nothing before its end gets ours."""
        if not came:
            connected.close()
        elif not self._hand_over(connected, came):
            self._relay(connected, came)

    def _relay(self, connected: socket.socket, came: bytes) -> None:
        arriving = self._shared.arriving
        arriving.add(connected)
        adopt(
            connected,
            lambda: ClientConnection(self._shared, self._dialer),
            came=came,
            arrived=lambda: arriving.discard(connected),
        )

    def _hand_over(self, connected: socket.socket, came: bytes) -> bool:
        """Return whether a site serves the connection itself. Without a whole head in order, none does."""
        shared, directory = self._shared, self._shared.directory
        end = came.find(HEAD_END) + len(HEAD_END)
        if end < len(HEAD_END):
            return False
        try:
            head = read_head(came[:end])
            decision = decide(head, directory, shared.own, own_port=shared.address.port)
        except Refused:
            return False
        handover = handover_of(decision, head, came[end:])
        if handover is None or not directory.hand_over(connected, handover):
            return False
        shared.counts.handed_over += 1
        if isinstance(decision, Forward):
            shared.counts.requests += 1
        else:
            shared.counts.tunnels += 1
        return True


class NewClient:
    """A connection that has sent nothing yet. `since`: when it was accepted, in seconds of the loop's clock."""

    __slots__ = ("_arrivals", "_connected", "_shared", "since")

    def __init__(self, connected: socket.socket, shared: Shared, arrivals: Arrivals) -> None:
        self._connected = connected
        self._shared = shared
        self._arrivals = arrivals
        self.since = shared.loop.time()
        shared.clients.add(self)
        shared.loop.add_reader(connected, self._read)

    def _read(self) -> None:
        """Let its first bytes decide whether its site or the gateway serves it."""
        try:
            came = self._connected.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self._forget()
        self._arrivals.serve(self._connected, came)

    def _forget(self) -> None:
        self._shared.loop.remove_reader(self._connected)
        self._shared.clients.discard(self)

    def is_late(self, now: float) -> bool:
        """Return whether its first byte has taken too long."""
        return now - self.since > self._shared.settings.idle_timeout_s

    def expire(self) -> None:
        """End it."""
        self.close()

    def is_quiet(self, *, since: float) -> bool:
        """Return whether it came before `since`, as no answer is due."""
        return self.since <= since

    def close(self) -> None:
        """End it with FIN."""
        self._forget()
        self._connected.close()

    def reset(self) -> None:
        """End it with RST."""
        reset_on_close(self._connected)
        self.close()
