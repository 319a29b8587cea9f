"""Where host names are reached: by a route, or at the address that the resolver finds.

In a container, the topology is OPEN: it has no routes, and the resolver finds the lab's hosts. The embedded lab has
every site on loopback at its own port, so it gives the client a closed topology with a route for each. In a closed
topology other names do not exist, and the resolver is not asked for them. `--resolve` adds routes to either; the host
`*` stands for every host.

From outside the containers, all hosts of their lab are reached through its gateway: each route is the gateway's address
then, and a connection to it becomes one to the host by a tunnel.
"""

import errno
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from services.client.network.resolver import look_up
from services.runtime.http import HTTP_PORT, TLS_PORT

ANY_HOST = "*"
USUAL_PORTS = (HTTP_PORT, TLS_PORT)  # a host of the lab has one of them at least
Route = tuple[str, int]


class Tunnels(Protocol):
    """Addresses on this machine that lead through a gateway, for a client that knows no proxy."""

    async def address(self, host: str, port: int) -> Route:
        """Return the address for a host and port. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Topology:
    """`routes`: the address for a (host, port). `closed`: whether other names do not exist.

    `gateway`: the address that is a gateway's, if there is one; `tunnels`: what `locate` gives then instead of it.
    """

    routes: Mapping[Route, Route] = field(default_factory=dict)
    closed: bool = False
    gateway: Route | None = None
    tunnels: Tunnels | None = None

    def with_routes(self, routes: Mapping[Route, Route]) -> "Topology":
        """Return a topology that also has these routes, which come first."""
        return replace(self, routes={**self.routes, **routes})  # a dict: a survey looks here for every target

    def route(self, host: str, port: int) -> Route | None:
        """Return the address for a host and port; None where there is no route."""
        routes = self.routes
        if not routes:
            return None
        return routes.get((host.lower().removesuffix("."), port)) or routes.get((ANY_HOST, port))

    def leads_to(self, ip: str, port: int) -> bool:
        """Return whether an address is one that a host is reached at."""
        return (ip, port) in self.routes.values()

    def no_route(self, host: str, port: int) -> OSError:
        """Return the error of a closed topology without a route: no such name, or no such port of the host."""
        if any(self.route(host, usual) for usual in USUAL_PORTS):
            return ConnectionRefusedError(errno.ECONNREFUSED, f"{host} has no port {port} in the embedded lab")
        return socket.gaierror(socket.EAI_NONAME, "no such name in the embedded lab")

    async def locate(self, host: str, port: int) -> Route:
        """Return the address of a host and port. Raises OSError: socket.gaierror for a name that has none."""
        route = self.route(host, port)
        if route is None and self.closed:
            raise self.no_route(host, port)
        if self.tunnels and route == self.gateway:
            return await self.tunnels.address(host.lower().removesuffix("."), port)
        return route or await look_up(host, port)


OPEN = Topology()
