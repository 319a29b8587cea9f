"""Which name is reached where.

In a container, names are the network's business: the topology is OPEN and asks the resolver. The embedded lab has every
site on loopback at a port of its own, so it hands the client a topology that knows each, and nothing but them:
a name that is not in the lab does not exist, and no question about it leaves the machine.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.client.names import look_up


@dataclass(frozen=True, slots=True)
class Topology:
    """`routes`: the address for a (host, port). `closed`: whether other names exist."""

    routes: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    closed: bool = False

    async def locate(self, host: str, port: int) -> tuple[str, int]:
        """Return the address of a host and port. Raises socket.gaierror for a name that has none."""
        route = self.routes.get((host.lower().removesuffix("."), port))
        if route:
            return route
        if self.closed:
            raise socket.gaierror(socket.EAI_NONAME, "no such name in the embedded lab")
        return await look_up(host, port)


OPEN = Topology()
