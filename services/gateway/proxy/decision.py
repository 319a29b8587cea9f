"""What the gateway does with a request, decided without I/O from its head and the directory of names.

    absolute-form   http://NAME/PATH    is passed on in origin-form (RFC 9112, section 3.2.2)
    CONNECT         NAME:443            becomes a tunnel (RFC 9110, section 9.3.6)
    origin-form     /PATH               is a page of the gateway's own, if the Host field is its own

Everything else is refused, and a name that is not in the directory is never looked up.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from services.gateway.proxy.directory import HTTP_PORT, TLS_PORT, Directory, listed
from services.gateway.proxy.messages.request import Field, Refused, RequestHead
from services.runtime.http import Address, is_ip_address
from services.runtime.serving.allowed_hosts import AllowedHosts, Asked, find_refusal, shown

URL = re.compile(rb"http://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://")
AUTHORITY = re.compile(r"([a-z0-9._-]{1,253}?)\.?(?::([1-9][0-9]{0,4})?)?", re.IGNORECASE)

BAD_GATEWAY = 502
LOCALHOST = "localhost"  # no name of a site, even where a recording has it: it would be another one for each program
MAX_KNOWN_AUTHORITIES = 1024


@dataclass(frozen=True, slots=True)
class Forward:
    """Send `head` to `asked`, which is reached at `route`, and what follows of the request after it."""

    asked: Address
    route: Address
    head: bytes


@dataclass(frozen=True, slots=True)
class Tunnel:
    """Connect to `asked`, which is reached at `route`, and pass on every byte both ways."""

    asked: Address
    route: Address


@dataclass(frozen=True, slots=True)
class Page:
    """Answer with a page of the gateway's own. `authority`: what the client calls the gateway, with its port."""

    method: str
    path: str
    authority: str


Decision = Forward | Tunnel | Page


def decide(head: RequestHead, directory: Directory, own: AllowedHosts, *, own_port: int) -> Decision:
    """Return what is done with a request. Raises Refused. `own_port`: of the gateway's own address."""
    if head.method == b"CONNECT":
        return tunnel(head, directory)
    if head.target.startswith(b"/"):
        return own_page(head, own, head.target, authority_of(head))
    url = URL.fullmatch(head.target)
    if not url:
        raise not_a_proxy_target(head)
    authority, path = url[1].decode("latin-1"), url[2]
    path = path if path.startswith(b"/") else b"/" + path
    asked = parse_authority(authority, HTTP_PORT)
    if asked.port == own_port and own.allows(authority):
        return own_page(head, own, path, authority)
    if asked.port == TLS_PORT:
        raise Refused(BAD_GATEWAY, f"port {TLS_PORT} speaks TLS: ask for {shown(str(asked))} by CONNECT")
    return Forward(asked, route_of(asked, directory), in_origin_form(head, path, url[1]))


def tunnel(head: RequestHead, directory: Directory) -> Tunnel:
    """Return the tunnel that is asked for. Raises Refused."""
    asked = parse_authority(head.target.decode("latin-1"), None)
    return Tunnel(asked, route_of(asked, directory))


def own_page(head: RequestHead, own: AllowedHosts, path: bytes, authority: str) -> Page:
    """Return the page that is asked for. Raises Refused for a Host or an Origin that is not the gateway's."""
    texts = {name: [each.decode("latin-1") for each in head.values(name)] for name in (b"origin", b"sec-fetch-site")}
    hosts = [each.decode("latin-1") for each in head.values(b"host")]
    asked = Asked(hosts, head.target.decode("latin-1"), texts[b"origin"], texts[b"sec-fetch-site"])
    if refusal := find_refusal(asked, own):
        raise Refused(refusal.status, f"{refusal.field} {refusal.reason}")
    return Page(head.method.decode("latin-1"), path.partition(b"?")[0].decode("latin-1"), authority)


def authority_of(head: RequestHead) -> str:
    """Return the Host field's value; empty where there is none."""
    return b"".join(head.values(b"host")[:1]).decode("latin-1")


def not_a_proxy_target(head: RequestHead) -> Refused:
    """Return why a request target is neither in absolute-form nor in origin-form."""
    if head.target[:8].lower() == b"https://":
        return Refused(400, "https goes through the gateway by CONNECT, so that TLS ends at the client")
    if SCHEME.match(head.target):
        return Refused(400, "the gateway passes on http:// requests and CONNECT, and no other scheme")
    return Refused(400, "the gateway is asked for http://NAME/PATH, by CONNECT NAME:443, or for its own /lab")


@lru_cache(MAX_KNOWN_AUTHORITIES)
def parse_authority(text: str, usual_port: int | None) -> Address:
    """Return the name, in lower case and without a dot at its end, and the port. Raises Refused."""
    found = AUTHORITY.fullmatch(text)
    port = int(found[2] or usual_port or 0) if found else 0
    if found and 0 < port <= 65535:
        return Address(found[1].lower(), port)
    if "@" in text:
        reason = "has user information, which the gateway passes on to no host"
    elif not text.isascii():
        reason = "is not ASCII: a name of other scripts is asked for in its xn-- form"
    elif text.startswith("["):
        reason = "is an address: the lab's hosts are asked for by their names"
    elif found:
        reason = "has no port from 1 to 65535"
    else:
        reason = "is not a host name, with or without a port"
    raise Refused(400, f"{shown(text)} {reason}")


def route_of(asked: Address, directory: Directory) -> Address:
    """Return where a name's port is reached. Raises Refused where the lab has no such name or port."""
    is_name = asked.host != LOCALHOST and not is_ip_address(asked.host)
    route = directory.find(*asked) if is_name else None
    if route is None:
        if is_name and asked.host in directory.names():
            raise Refused(BAD_GATEWAY, f"{asked.host} has no port {asked.port} in this lab")
        raise not_in_lab(asked, directory)
    return route


def not_in_lab(asked: Address, directory: Directory) -> Refused:
    """Return the refusal of a name that the lab does not have."""
    return Refused(BAD_GATEWAY, f"{shown(asked.host)} is not in this lab: it has {listed(directory.names())}")


def in_origin_form(head: RequestHead, path: bytes, authority: bytes) -> bytes:
    """Return a head with the target's path, and its authority as the Host field; all other bytes stay.

    Raises Refused where there is more than one Host field.
    """
    hosts = [field for field in head.fields if field.name == b"host"]
    if len(hosts) > 1:
        raise Refused(400, "a request has one Host field")
    if head.method == b"OPTIONS" and path == b"/" and not head.target.endswith(b"/"):
        path = b"*"  # RFC 9112, section 3.2.4
    version = head.raw[head.fields_begin - len(b"HTTP/1.1\r\n") : head.fields_begin]
    return b"%b %b %b" % (head.method, path, version) + with_host(head, hosts, authority)


def with_host(head: RequestHead, hosts: list[Field], authority: bytes) -> bytes:
    """Return the field lines and the empty line; the Host field says what the target says."""
    begin, raw = head.fields_begin, head.raw
    if not hosts:
        return b"Host: " + authority + b"\r\n" + raw[begin:]
    field = hosts[0]
    return raw[begin:] if field.value == authority else raw[begin : field.begin] + authority + raw[field.end :]
