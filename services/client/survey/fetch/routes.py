"""`--resolve HOST:PORT:ADDR[:PORT]`: where a host is reached, without asking a resolver. HOST may be `*`."""

import re
from collections.abc import Iterable

from services.client.topology import ANY_HOST, Route
from services.client.url.host import NoHostName, ascii_host_name, canonical_ipv6
from services.runtime.errors import BadSetting
from services.runtime.http import is_ip_address

EXPECTED = "HOST:PORT:ADDR[:PORT], with an IPv6 address in brackets"
RESOLVE = re.compile(
    r"(?:\[(?P<host6>[0-9a-f:.]+)\]|(?P<host>[^\s:\[\]]+)):(?P<port>[0-9]{1,5})"
    r":(?:\[(?P<ip6>[0-9a-f:.]+)\]|(?P<ip4>[0-9.]+))(?::(?P<at>[0-9]{1,5}))?",
    re.IGNORECASE,
)


def read_routes(texts: Iterable[str]) -> dict[Route, Route]:
    """Return the routes that options ask for. Raises BadSetting."""
    return dict(map(read_route, texts))


def read_route(text: str) -> tuple[Route, Route]:
    """Return which (host, port) is reached at which address and port. Raises BadSetting."""
    found = RESOLVE.fullmatch(text)
    if found is None:
        raise BadSetting("--resolve", text, EXPECTED)
    port = int(found["port"])
    at = int(found["at"] or port)
    host, ip = host_of(found), ip_of(found)
    if host is None or ip is None or not 1 <= port <= 65535 or not 1 <= at <= 65535:
        raise BadSetting("--resolve", text, EXPECTED)
    return (host, port), (ip, at)


def host_of(found: re.Match[str]) -> str | None:
    """Return the host as a target's URL has it; None for what is none."""
    if found["host6"]:
        return canonical_ipv6(found["host6"])
    if found["host"] == ANY_HOST:
        return ANY_HOST
    try:
        return ascii_host_name(found["host"]).lower().removesuffix(".")
    except NoHostName:
        return None


def ip_of(found: re.Match[str]) -> str | None:
    """Return the address as a resolver would write it, so that it counts as one host with itself; None for none."""
    ip = found["ip6"] or found["ip4"]
    if ":" in ip:
        return canonical_ipv6(ip)
    return ip if is_ip_address(ip) else None
