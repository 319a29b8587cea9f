"""The host names that a server answers to: a web page of another site must not reach it through a person's browser.

Such a page has two ways. It can let its own name point to the server's address (DNS rebinding): then the Host field has
a name that is not the server's. Or it sends a request to the server's own name: then the browser says so, in Origin and
in Sec-Fetch-Site. Both are refused here, ahead of every handler and without a byte of the body read.

`hello`, the admin side of the sites and the gateway's own pages use it; the gateway has no package, so aiohttp is
imported where an application of it asks. The sites' own ports know the hosts that they play, and no others.
"""

import re
import socket
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from services.runtime.http import is_ip_address
from services.runtime.terminal import printable

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Handler, Middleware

    Respond = Callable[["HostRefusal"], web.Response]
    Refuse = Callable[[web.BaseRequest], web.Response | None]

MISDIRECTED, FORBIDDEN = 421, 403
LOOPBACK = "localhost"
IPV6_LOOPBACK = "::1"
MAX_SHOWN_NAMES = 10
MAX_SHOWN_CHARACTERS = 80
MAX_AUTHORITY_CHARACTERS = 270  # a host name has 253 at most

AUTHORITY = re.compile(r"(?:([a-z0-9._-]+)|\[([0-9a-f:.]+)])(?::[0-9]{0,5})?", re.IGNORECASE)
WEB_ADDRESS = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The hosts that a server answers to, each as `host_in` returns it; loopback is always one of them.

    `changing` returns those that come and go while the server runs: the recorded hosts of a site.
    """

    fixed: frozenset[str] = frozenset()
    changing: Callable[[], Collection[str]] = tuple

    def allows(self, authority: str) -> bool:
        """Return whether HOST or HOST:PORT is one of them, with any port."""
        host = host_in(authority)
        return host is not None and (host == LOOPBACK or host in self.fixed or host in self.changing())

    def __str__(self) -> str:
        names = [LOOPBACK, *sorted({*self.fixed, *self.changing()} - {LOOPBACK})]
        more = f" and {len(names) - MAX_SHOWN_NAMES} more" if len(names) > MAX_SHOWN_NAMES else ""
        return ", ".join(names[:MAX_SHOWN_NAMES]) + more


def allowed_hosts(*names: str, changing: Callable[[], Collection[str]] = tuple) -> AllowedHosts:
    """Return a server's hosts: the host name of its machine, and these names or addresses, without a port."""
    authorities = (f"[{each}]" if ":" in each and not each.startswith("[") else each for each in names)
    return AllowedHosts(frozenset(filter(None, map(host_in, (socket.gethostname(), *authorities)))), changing)


@dataclass(frozen=True, slots=True)
class HostRefusal:
    """Why a request is refused: a status, the field that is wrong, and one line for a person."""

    status: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the check needs of a request: the values of three fields, and the request target."""

    hosts: Sequence[str]
    target: str
    origins: Sequence[str] = ()
    fetch_sites: Sequence[str] = ()


def host_check(allowed: AllowedHosts, respond: "Respond") -> "Middleware":
    """Return a middleware that answers each refused request with `respond`, and closes its connection."""
    from aiohttp import web

    refuse = refusing(allowed, respond)

    @web.middleware
    async def check(request: "web.Request", handler: "Handler") -> "web.StreamResponse":
        refusal = refuse(request)
        return await handler(request) if refusal is None else refusal

    return check


def refusing(allowed: AllowedHosts, respond: "Respond") -> "Refuse":
    """Return a function that returns the response to a refused request, after which its connection is closed.

    It returns None for a request that the application is to see.
    """
    from multidict import istr

    host, origin, fetch_site = istr("Host"), istr("Origin"), istr("Sec-Fetch-Site")  # once, and not for each request

    def refuse(request: "web.BaseRequest") -> "web.Response | None":
        get = request.headers.getall
        hosts: Sequence[str] = get(host, ())
        origins, fetch_sites = get(origin, ()), get(fetch_site, ())
        if is_plain(hosts, request.raw_path) and not origins and not fetch_sites and allowed.allows(hosts[0]):
            return None  # nearly every request; `find_refusal` would say the same
        refusal = find_refusal(Asked(hosts, request.raw_path, origins, fetch_sites), allowed)
        if refusal is None:
            return None
        response = respond(refusal)
        response.force_close()
        return response

    return refuse


def is_plain(hosts: Sequence[str], target: str) -> bool:
    """Return whether a request names one host, in its Host field."""
    return len(hosts) == 1 and target.startswith("/")


def find_refusal(asked: Asked, allowed: AllowedHosts) -> HostRefusal | None:
    """Return why a server with these hosts refuses a request; None where it does not."""
    hosts = asked.hosts
    if len(hosts) != 1:
        problem = "is there more than once" if hosts else "is missing"
        return HostRefusal(MISDIRECTED, "Host", f"{problem}: this server is {allowed}")
    if not allowed.allows(hosts[0]):
        return HostRefusal(MISDIRECTED, "Host", f"{shown(hosts[0])} is not here: this server is {allowed}")
    target = asked.target
    if not target.startswith("/") and target != "*" and not allowed.allows(authority_in(target)):
        return HostRefusal(MISDIRECTED, "target", f"{shown(target)} is not here: this server is {allowed}")
    for origin in asked.origins:
        found = WEB_ADDRESS.fullmatch(origin)
        if not found or found[2] or not allowed.allows(found[1]):
            return HostRefusal(FORBIDDEN, "Origin", f"{shown(origin)} may not ask here: this server is {allowed}")
    if any(each.strip().lower() == "cross-site" for each in asked.fetch_sites):
        reason = f"another site's page may not ask here: this server is {allowed}"
        return HostRefusal(FORBIDDEN, "Sec-Fetch-Site", reason)
    return None


def host_in(authority: str) -> str | None:
    """Return the host in HOST or HOST:PORT (RFC 9110, section 7.2) as hosts are compared; None where there is none.

    It is in lower case, without a dot at its end; every loopback address is `localhost`.
    """
    return _host_in(authority) if len(authority) <= MAX_AUTHORITY_CHARACTERS else None


@lru_cache(maxsize=256)
def _host_in(authority: str) -> str | None:
    found = AUTHORITY.fullmatch(authority)
    if not found:
        return None
    name, ipv6 = found[1], found[2]
    if ipv6:
        if not (":" in ipv6 and is_ip_address(ipv6)):
            return None
        shortest = socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, ipv6))
        return LOOPBACK if shortest == IPV6_LOOPBACK else shortest
    if name.startswith("127.") and is_ip_address(name):
        return LOOPBACK
    return name.lower().removesuffix(".") or None


def authority_in(target: str) -> str:
    """Return HOST:PORT of a request target in absolute form, and any other target as it is (RFC 9112, section 3.2)."""
    found = WEB_ADDRESS.fullmatch(target)
    return found[1] if found else target


def shown(text: str) -> str:
    """Return text of a peer in quotes, short enough for a line and safe for a terminal."""
    return f"'{printable(text[:MAX_SHOWN_CHARACTERS])}'"
