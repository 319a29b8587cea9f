"""aiohttp's client in the lab: a resolver of your own maps real host names to the ports where the lab has them.

The client is told nothing else: it asks for https://www.sohu.com, sends that name in the Host field and in TLS, and
verifies the certificate, which the lab's own authority signed. The same resolver tests any program that is built on
aiohttp.

    .venv/bin/python examples/lab_resolver.py
"""

import asyncio
import socket
import ssl

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from lab.embedded.program import embedded_lab
from services.client.topology import Topology

URLS = ("http://www.163.com/", "https://www.sohu.com/", "http://elsewhere.test/")


class LabResolver(AbstractResolver):
    """Knows the hosts of the lab and no other: no question about a name leaves the machine."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the address and the port of a host. Raises OSError for a name that the lab does not have."""
        address, at = await self._topology.locate(host, port)
        return [
            ResolveResult(hostname=host, host=address, port=at, family=family, proto=0, flags=socket.AI_NUMERICHOST)
        ]

    async def close(self) -> None:
        """Hold nothing, so close nothing."""


async def main() -> None:
    """Fetch over HTTP and TLS, and once where there is nothing."""
    async with embedded_lab() as lab:
        context = await asyncio.to_thread(ssl.create_default_context, cafile=lab.ca_file)
        connector = aiohttp.TCPConnector(resolver=LabResolver(lab.topology), ssl=context, use_dns_cache=False)
        async with aiohttp.ClientSession(connector=connector) as session:
            for url in URLS:
                try:
                    async with session.get(url, allow_redirects=False) as response:
                        body = await response.read()
                        print(f"{url} {response.status} {response.reason}, a body of {len(body):,} bytes")
                except aiohttp.ClientConnectorDNSError as error:
                    print(f"{url} {error.os_error.strerror}")


if __name__ == "__main__":
    asyncio.run(main())
