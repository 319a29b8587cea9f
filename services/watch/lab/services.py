"""The lab's services: which there are, and each asked how it is.

They are the gateway, hello, each server of sites, the broker where there is one, and this server itself. Workers have
no port to be asked at.
"""

import asyncio
import contextlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.runtime.http import ADMIN_PORT
from services.runtime.process import memory_kib
from services.runtime.serving.loop_lag import LoopLag
from services.watch.events.history import History
from services.watch.lab.client import Answer, LabAway, LabClient
from services.watch.lab.measures import Figures, Rates, Service, as_json, figures_in, measured
from services.watch.lab.view import LabView

HELLO = "http://hello:8000"  # as the gateway's clients call it
BROKER_TIMEOUT_S = 2.0
BROKER_URL = re.compile(r"nats://(?:\[([0-9a-f:.]+)]|([^:/\s]+)):?(\d*)/?", re.IGNORECASE)
BROKER_PORT = 4222
GREETING = b"INFO "  # what a NATS server says first


@dataclass(slots=True)
class Services:
    """Asks the services of a lab how they are. `lag`: of this server's own loop; `broker`: its URL, or nothing."""

    client: LabClient
    view: LabView
    history: History
    lag: LoopLag
    broker: str = ""
    last: Sequence[Service] = ()
    _rates: Rates = field(default_factory=Rates)

    async def look(self) -> None:
        """Ask all of them at once, and publish what they say as an event `services`."""
        asked = [
            self._gateway(),
            self._over_http("hello", HELLO),
            *(
                self._over_http(name_of(server.plans), f"http://{server.host}:{ADMIN_PORT}")
                for server in self.view.servers
            ),
            *(self._away(host, trouble) for host, trouble in self.view.away.items()),
            *([self._broker()] if self.broker else []),
            self._own(),
        ]
        self.last = await asyncio.gather(*asked)
        self._rates.keep(each.name for each in self.last)
        self.history.publish("services", as_json(self.last))

    async def _gateway(self) -> Service:
        try:
            ready, metrics = await self.client.page("/readyz"), await self.client.page("/metrics")
        except LabAway as away:
            return Service("gateway", healthy=False, detail=str(away))
        return self._measured("gateway", ready, metrics, own=self.client.relayed)

    async def _away(self, host: str, trouble: str) -> Service:
        return Service(host, healthy=False, detail=trouble)

    async def _over_http(self, name: str, url: str) -> Service:
        try:
            ready, metrics = await self.client.get(f"{url}/readyz"), await self.client.get(f"{url}/metrics")
        except LabAway as away:
            return Service(name, healthy=False, detail=str(away))
        return self._measured(name, ready, metrics)

    def _measured(self, name: str, ready: Answer, metrics: Answer, *, own: int = 0) -> Service:
        """Return what a service says of itself. `own`: how many of its requests were this server's."""
        figures = figures_in(metrics.body.decode("utf-8", "replace"), own=own)
        said = ready.body.decode("utf-8", "replace").strip()[:200]
        trouble = "" if ready.status == 200 else said or f"status {ready.status}"
        return measured(name, figures, self._rates.rate(name, figures.requests), trouble=trouble)

    async def _broker(self) -> Service:
        """Return whether a broker greets; it says more only to those who have its password."""
        found = BROKER_URL.fullmatch(self.broker)
        if not found:
            return Service("broker", healthy=False, detail="BROKER_URL is no URL of a broker")
        try:
            async with asyncio.timeout(BROKER_TIMEOUT_S):
                host, port = found[1] or found[2], int(found[3] or BROKER_PORT)
                reader, writer = await asyncio.open_connection(host, port)
                with contextlib.closing(writer):
                    greets = (await reader.readexactly(len(GREETING))) == GREETING
        except (OSError, EOFError) as error:
            return Service("broker", healthy=False, detail=f"it does not answer: {error or type(error).__name__}")
        return Service("broker", healthy=greets, detail="" if greets else "what answers there is no broker")

    async def _own(self) -> Service:
        memory = await asyncio.to_thread(memory_kib) * 1024
        return measured("watch", Figures(lag_s=self.lag.longest_s, memory_bytes=memory), None)


def name_of(hosts: Iterable[str]) -> str:
    """Return what a server of these hosts is called."""
    first, *others = hosts
    return f"{first} + {len(others)}" if others else first
