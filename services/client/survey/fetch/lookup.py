"""The addresses of a URL's host, and whether they may be connected to.

Literal addresses and routes come first, then the resolver; the address filter judges what they give.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

from services.client.errors import FetchError, fetch_error
from services.client.network.resolver import Resolver
from services.client.survey.deadlines import Deadline, Expired, SurveyStopped
from services.client.survey.fetch.address_filter import AddressFilter
from services.client.survey.fetch.policy import CANCELLED
from services.client.survey.transport.sockets import SocketAddress
from services.client.topology import Topology
from services.client.url.url import Url
from services.runtime.http import is_ip_address


class LookupResult(NamedTuple):
    """The addresses of a host, one or more, or an `error`: dns, blocked, cancelled or what a closed topology says.

    Of an error, `addresses` are those that were refused, if any. `took_s` is None where no look-up was begun.
    `is_gateway`: whether the address is that of a lab's gateway, which is to be asked for a tunnel to the host.
    """

    addresses: Sequence[SocketAddress] = ()
    error: FetchError | None = None
    took_s: float | None = None
    is_gateway: bool = False


class Lookup:
    """Finds the addresses of hosts; every address that it returns has been judged, and is the one to connect to."""

    def __init__(self, resolver: Resolver, topology: Topology, address_filter: AddressFilter) -> None:
        self._resolver, self._topology, self._filter = resolver, topology, address_filter

    async def addresses(self, url: Url, deadline: Deadline, *, until_s: float) -> LookupResult:
        """Return the addresses of a URL's host, or why there are none."""
        began = time.monotonic()
        addresses: Sequence[SocketAddress] = ()
        error = None
        try:
            known = self._known(url.host, url.port)
            if known is None:
                found = await deadline.wait(self._resolver.look_up(url.host), until_s)
                known = [SocketAddress(ip, url.port) for ip in found]
            addresses = known
        except Expired:
            error = FetchError("dns", f"no answer about {url.host} in time", transient=True)
        except SurveyStopped:
            error = FetchError(*CANCELLED)
        except (FetchError, OSError) as problem:
            error = fetch_error(problem).with_traceback(None)
        took_s = time.monotonic() - began
        if error is None and self._filter.public_only:
            return self._filtered(addresses, took_s)
        return LookupResult(addresses, error, took_s, self._is_gateway(addresses))

    def asks_resolver(self, url: Url) -> bool:
        """Return whether `addresses` has to ask the resolver, and to wait for it."""
        if self._topology.closed or self._topology.route(url.host, url.port) or is_address(url.host):
            return False
        return not self._resolver.is_known(url.host)

    def _known(self, host: str, port: int) -> list[SocketAddress] | None:
        """Return the addresses of a host, or None where the resolver has to be asked. Raises FetchError or OSError."""
        if route := self._topology.route(host, port):
            return [SocketAddress(*route)]
        if is_address(host):
            blocked = self._filter.public_only and self._filter.refusal(host)
            if self._topology.closed and not blocked and not self._topology.leads_to(host, port):
                raise FetchError("unreachable", "nothing but the lab can be reached from within it")
            return [SocketAddress(host, port)]
        if self._topology.closed:
            raise self._topology.no_route(host, port)
        found = self._resolver.known(host)
        return None if found is None else [SocketAddress(ip, port) for ip in found]

    def _is_gateway(self, addresses: Sequence[SocketAddress]) -> bool:
        return self._topology.gateway is not None and tuple(addresses) == (self._topology.gateway,)

    def _filtered(self, addresses: Sequence[SocketAddress], took_s: float) -> LookupResult:
        refusals = [self._filter.refusal(address.ip) for address in addresses]
        allowed = [address for address, refusal in zip(addresses, refusals, strict=True) if refusal is None]
        if allowed:
            return LookupResult(allowed, None, took_s, self._is_gateway(allowed))
        return LookupResult(
            addresses, FetchError("blocked", f"{refusals[0]}: only public addresses are allowed"), took_s
        )


def is_address(host: str) -> bool:
    """Return whether a host is an IP address in its usual spelling; other spellings are left to the resolver."""
    return (host[-1].isdigit() or ":" in host) and is_ip_address(host)
