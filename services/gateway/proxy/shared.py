"""What all connections of clients share: the directory, the limits, the counters, and the set of the connections."""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from services.gateway.proxy.directory import Directory
from services.gateway.proxy.responses import Pages
from services.gateway.proxy.settings import READ_BYTES, ProxySettings
from services.runtime.http import Address
from services.runtime.process import memory_kib
from services.runtime.serving.allowed_hosts import allowed_hosts
from services.runtime.serving.loop_lag import LoopLag, process_lines

log = logging.getLogger(__name__)


class OpenClient(Protocol):
    """A client's connection, as the proxy ends it."""

    def is_late(self, now: float) -> bool:
        """Return whether its phase has lasted too long."""

    def expire(self) -> None:
        """Act on that."""

    def is_quiet(self, *, since: float) -> bool:
        """Return whether no answer is due and no byte is on its way, and none came after `since`."""

    def close(self) -> None:
        """End it with FIN, once its bytes are sent."""

    def reset(self) -> None:
        """End it with RST."""


@dataclass(slots=True)
class Counts:
    """What happened so far. `refused`: by the status of the response."""

    accepted: int = 0
    turned_away: int = 0
    requests: int = 0
    tunnels: int = 0
    handed_over: int = 0
    pages: int = 0
    refused: Counter[int] = field(default_factory=Counter)


class Shared:
    """What connections share. `own`: the names of the gateway itself, at `address`; `own_addresses`: those at which
    clients have connected to it, which are its names too.

    `buffer`: what is read into, for all of them: a loop fills it and has it emptied before it reads anything else.
    """

    def __init__(
        self,
        settings: ProxySettings,
        directory: Directory,
        tasks: asyncio.TaskGroup,
        *,
        address: Address,
        ca: Path | None = None,
        not_ready: Callable[[], str] = str,
    ) -> None:
        self.settings = settings
        self.directory = directory
        self.loop = asyncio.get_running_loop()
        self.own_addresses: set[str] = set()
        self.own = allowed_hosts(*settings.names, changing=lambda: self.own_addresses)
        self.address = address
        self.buffer = bytearray(READ_BYTES)
        self.counts = Counts()
        self.lag = LoopLag()
        self.clients: set[OpenClient] = set()
        self.arriving: set[socket.socket] = set()  # accepted, and no client before the loop's next rounds
        self.is_draining = False
        self.pages = Pages(directory, self.metrics, ca=ca, not_ready=not_ready)
        self._tasks = tasks

    def admits(self) -> bool:
        """Return whether one more connection is served, and count it."""
        if len(self.clients) + len(self.arriving) >= self.settings.max_connections:
            if not self.counts.turned_away:
                log.warning("%s connections are open: the next are reset", self.settings.max_connections)
            self.counts.turned_away += 1
            return False
        self.counts.accepted += 1
        return True

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run `work` until it ends, or until the proxy does."""
        return self._tasks.create_task(work)

    def metrics(self) -> str:
        """Return what Prometheus sees. It reads a file of the kernel's."""
        counts = self.counts
        values = [
            ("connections_total", "counter", "Connections of clients", {"": counts.accepted}),
            ("connections_turned_away_total", "counter", "Connections over the limit", {"": counts.turned_away}),
            ("connections_open", "gauge", "Connections of clients open now", {"": len(self.clients)}),
            ("requests_total", "counter", "Requests passed on", {"": counts.requests}),
            ("tunnels_total", "counter", "Tunnels made by CONNECT", {"": counts.tunnels}),
            ("handed_over_total", "counter", "Connections that a site serves itself", {"": counts.handed_over}),
            ("pages_total", "counter", "Requests for the gateway's own pages", {"": counts.pages}),
            (
                "refused_total",
                "counter",
                "Requests not passed on, by the status of the response",
                {f'{{status="{status}"}}': count for status, count in sorted(counts.refused.items())},
            ),
        ]
        lines = []
        for name, kind, text, samples in values:
            lines += [f"# HELP gateway_{name} {text}", f"# TYPE gateway_{name} {kind}"]
            lines += [f"gateway_{name}{labels} {count}" for labels, count in samples.items()]
        return "\n".join(lines) + "\n" + process_lines(self.lag, memory_bytes=memory_kib() * 1024)
