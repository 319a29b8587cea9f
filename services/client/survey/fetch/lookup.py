"""Where a URL's host is, and whether we may go there: literal addresses, routes, then the resolver, then the guard."""

import ipaddress
import socket
import time

from services.client.errors import FetchError, fetch_error
from services.client.resolver import Resolver
from services.client.survey.deadlines import Expired
from services.client.survey.fetch.address_filter import AddressFilter
from services.client.survey.fetch.request import FetchContext
from services.client.survey.results.record import Record
from services.client.survey.transport.sockets import SocketAddress
from services.client.topology import Topology
from services.client.url.url import Url
from services.runtime.http import is_ip_address


class Lookup:
    """Finds the addresses of hosts; every address that it returns has been judged, and is the one to connect to."""

    def __init__(self, names: Resolver, topology: Topology, guard: AddressFilter) -> None:
        self._names, self._topology, self._guard = names, topology, guard

    async def locate(self, url: Url, record: Record, turn: FetchContext) -> list[SocketAddress]:
        """Return the addresses of a URL's host, one or more. Raises FetchError (dns, blocked) or CutOff."""
        began = time.monotonic()
        try:
            addresses = await self._addresses(url.host, url.port, turn)
        except socket.gaierror as error:
            raise fetch_error(error) from error
        except Expired as error:
            raise FetchError("dns", f"no answer about {url.host} in time", transient=True) from error
        finally:
            record.dns_s = time.monotonic() - began
        return self._judged(addresses, record) if self._guard.public_only else addresses

    def asks_resolver(self, url: Url) -> bool:
        """Return whether `locate` has to ask the resolver, and to wait for it."""
        if self._topology.closed or self._topology.route(url.host, url.port) or is_address(url.host):
            return False
        return not self._names.is_known(url.host)

    async def _addresses(self, host: str, port: int, turn: FetchContext) -> list[SocketAddress]:
        if route := self._topology.route(host, port):
            return [SocketAddress(*route)]
        if is_address(host):
            if self._topology.closed and not ipaddress.ip_address(host).is_loopback:
                raise FetchError("unreachable", "nothing but the lab can be reached from within it")
            return [SocketAddress(host, port)]
        if self._topology.closed:
            raise self._topology.no_route(host, port)
        found = self._names.known(host)
        if found is None:
            found = await turn.watch.wait(self._names.look_up(host), turn.until_s)
        return [SocketAddress(ip, port) for ip in found]

    def _judged(self, addresses: list[SocketAddress], record: Record) -> list[SocketAddress]:
        refusals = [self._guard.refusal(address.ip) for address in addresses]
        allowed = [address for address, refusal in zip(addresses, refusals, strict=True) if refusal is None]
        if not allowed:
            record.ip = addresses[0].ip
            raise FetchError("blocked", f"{refusals[0]}: only public addresses are allowed")
        return allowed


def is_address(host: str) -> bool:
    """Return whether a host is an IP address in its usual spelling; other spellings are left to the resolver."""
    return (host[-1].isdigit() or ":" in host) and is_ip_address(host)
