"""The Unix sockets at which sites in other containers take connections of clients: DIRECTORY/SERVICE/site.sock.

A site makes its socket while it accepts connections, and no other time. Where there is none, or it has no room, the
connection is relayed: so a site that is off, that starts again, or that knows nothing of this, is served as before.
"""

import errno
import socket
from pathlib import Path

from services.gateway.proxy.directory import Handover
from services.runtime.sockets.handed import channel, send_connection

SOCKET_NAME = "site.sock"
NO_ROOM = {errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS, errno.EMSGSIZE}


class Channels:
    """Open channels to the sites of a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: dict[str, socket.socket] = {}

    def send(self, service: str, connected: socket.socket, handover: Handover) -> bool:
        """Hand a client's connection over to a service; return False where it cannot be now."""
        for _attempt in range(2):  # a site that has started again has another socket
            to_site = self._open.get(service) or self._connect(service)
            if to_site is None:
                return False
            try:
                send_connection(to_site, connected, port=handover.asked.port, ahead=handover.ahead, came=handover.came)
            except OSError as error:
                if error.errno in NO_ROOM:
                    return False
                self._forget(service)
            else:
                connected.close()
                return True
        return False

    def close(self) -> None:
        """Close them all."""
        for service in list(self._open):
            self._forget(service)

    def _connect(self, service: str) -> socket.socket | None:
        to_site = channel()
        try:
            to_site.connect(str(self._directory / service / SOCKET_NAME))
        except OSError:
            to_site.close()
            return None
        self._open[service] = to_site
        return to_site

    def _forget(self, service: str) -> None:
        self._open.pop(service).close()
