"""A resolver for aiohttp's client: the real names of the lab's hosts lead to the ports where the lab has them.

    connector = aiohttp.TCPConnector(resolver=Resolver(lab), ssl=ssl.create_default_context(cafile=lab.ca_file))
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get("https://www.163.com/") as response: ...

No proxy is between client and site, so the client meets faults of the connection itself, such as `refuse`. A name that
the lab does not have is not found, and no question about it leaves the machine.
"""

import socket
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

from asynclab import checks
from asynclab.connection.description import SiteUrls
from asynclab.errors import BadParameter, LabError
from asynclab.lab import Lab

PORTS = {80: "http", 443: "tls", 8081: "admin"}


class Resolver(AbstractResolver):
    """Knows the hosts of a lab at ports 80, 443 and 8081, and no other names. It needs a lab on this machine."""

    def __init__(self, lab: Lab) -> None:
        if not isinstance(lab, Lab):
            raise BadParameter(f"{checks.shown(lab)} is not a lab: give the Lab, or the fixture `lab`")
        if not lab.is_direct:
            raise LabError("the hosts of a lab in containers have no addresses here: use proxy=lab.proxy_url instead")
        self._lab = lab

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the address and the port of a host. Raises OSError for what the lab does not have."""
        urls = self._lab.urls.get(host.lower().removesuffix("."))
        if urls is None or port not in PORTS:
            raise OSError(None, f"{host}:{port} is not in the lab")
        address, at = address_of(urls, PORTS[port])
        return [
            ResolveResult(hostname=host, host=address, port=at, family=family, proto=0, flags=socket.AI_NUMERICHOST)
        ]

    async def close(self) -> None:
        """Hold nothing, so close nothing."""


def address_of(urls: SiteUrls, kind: str) -> tuple[str, int]:
    """Return the address and the port in one of a host's URLs."""
    parts = urlsplit({"http": urls.http, "tls": urls.tls, "admin": urls.admin}[kind])
    return parts.hostname or "", parts.port or 0
