"""The names that a server answers to. A page of another site must not reach it, though the browser is on this machine.

Such a page has two ways in. It can let its own name point to the server's address (DNS rebinding): then the Host is a
name that is not the server's. Or it sends a request to the server's own name: then the browser says so, in Origin and
in Sec-Fetch-Site. Both are refused here, ahead of every handler and without a byte of the body read.

`hello` and the admin side of the sites use it; the sites' own ports know the hosts that they play, and no others.
"""

import re
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from services.runtime.http import is_ip_address
from services.runtime.terminal import printable

LOOPBACK = "localhost"
IPV6_LOOPBACK = "::1"
MISDIRECTED, FORBIDDEN = 421, 403
MOST_SHOWN = 10
MAX_AUTHORITY_CHARACTERS = 270  # a host name has 253 at most
SHOWN_CHARACTERS = 80

AUTHORITY = re.compile(r"(?:([a-z0-9._-]+)|\[([0-9a-f:.]+)])(?::[0-9]{0,5})?", re.IGNORECASE)
WEB_ADDRESS = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class OwnNames:
    """A server's names, each as `name_of` returns it; loopback is one of them always.

    `changing` returns those that come and go while it runs: the recorded hosts of a site.
    """

    fixed: frozenset[str] = frozenset()
    changing: Callable[[], Collection[str]] = tuple

    def has(self, authority: str) -> bool:
        """Return whether HOST or HOST:PORT is one of them, with any port."""
        name = name_of(authority)
        return name is not None and (name == LOOPBACK or name in self.fixed or name in self.changing())

    def __str__(self) -> str:
        names = [LOOPBACK, *sorted({*self.fixed, *self.changing()} - {LOOPBACK})]
        more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
        return ", ".join(names[:MOST_SHOWN]) + more


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a request is refused: a status, the field that is wrong, and one line for a person."""

    status: int
    field: str
    reason: str


def name_of(authority: str) -> str | None:
    """Return the name in HOST or HOST:PORT (RFC 9110, section 7.2) as names are compared; None where there is none.

    It has no case and no dot at its end; every loopback address is `localhost`.
    """
    return _name_of(authority) if len(authority) <= MAX_AUTHORITY_CHARACTERS else None


@lru_cache(maxsize=256)
def _name_of(authority: str) -> str | None:
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


def own_names(*names: str, changing: Callable[[], Collection[str]] = tuple) -> OwnNames:
    """Return the names of a server: these, bare names or addresses, and the host name of its machine."""
    authorities = (f"[{each}]" if ":" in each and not each.startswith("[") else each for each in names)
    return OwnNames(frozenset(filter(None, map(name_of, (socket.gethostname(), *authorities)))), changing)


def objection(request: web.BaseRequest, names: OwnNames) -> Objection | None:
    """Return what speaks against a request that came to a server with these names; None where nothing does."""
    headers = request.headers
    hosts = headers.getall("Host", ())
    if len(hosts) != 1:
        said = "is there more than once" if hosts else "is missing"
        return Objection(MISDIRECTED, "Host", f"{said}: this server is {names}")
    if not names.has(hosts[0]):
        return Objection(MISDIRECTED, "Host", f"{shown(hosts[0])} is not here: this server is {names}")
    target = request.raw_path
    if not target.startswith("/") and target != "*" and not names.has(authority_in(target)):
        return Objection(MISDIRECTED, "target", f"{shown(target)} is not here: this server is {names}")
    for origin in headers.getall("Origin", ()):
        found = WEB_ADDRESS.fullmatch(origin)
        if not found or found[2] or not names.has(found[1]):
            return Objection(FORBIDDEN, "Origin", f"{shown(origin)} may not ask here: this server is {names}")
    if any(each.strip().lower() == "cross-site" for each in headers.getall("Sec-Fetch-Site", ())):
        return Objection(FORBIDDEN, "Sec-Fetch-Site", f"another site's page may not ask here: this server is {names}")
    return None


def authority_in(target: str) -> str:
    """Return HOST:PORT of a request target in absolute form, and any other target as it is (RFC 9112, section 3.2)."""
    found = WEB_ADDRESS.fullmatch(target)
    return found[1] if found else target


def shown(text: str) -> str:
    """Return what a peer sent, so that it fits a line and can be shown."""
    return f"'{printable(text[:SHOWN_CHARACTERS])}'"


def only_own_names(names: OwnNames, refuse: Callable[[Objection], web.Response]) -> Middleware:
    """Return the middleware that lets `refuse` answer what there is an objection to, and closes the connection."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        found = objection(request, names)
        if found is None:
            return await handler(request)
        response = refuse(found)
        response.force_close()
        return response

    return check
