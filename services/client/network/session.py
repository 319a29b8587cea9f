"""The aiohttp session of the client: our own look-up of names, and bodies that are read to a bound.

aiohttp looks up names in threads of the loop's pool, and the program's end waits for these: with a resolver that hangs,
neither ^C nor a timeout would end the program. And aiohttp reads a body to its end, however long it is, and decodes it:
a few compressed bytes can be gigabytes.
"""

import socket
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.abc import AbstractResolver

from services.client.network.resolver import Resolver

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult

NOT_ENCODED = {"Accept-Encoding": "identity"}  # the request field of sessions that do not decode bodies


class SessionResolver(AbstractResolver):
    """Looks up names for a session by `Resolver`."""

    def __init__(self, resolver: Resolver | None = None) -> None:
        self._resolver = resolver or Resolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> "list[ResolveResult]":
        """Return the addresses of a name. Raises socket.gaierror where it has none of that family."""
        addresses = self._resolver.known(host) or await self._resolver.look_up(host)
        found = [(ip, socket.AF_INET6 if ":" in ip else socket.AF_INET) for ip in addresses]
        usable = [(ip, its_family) for ip, its_family in found if family in {socket.AF_UNSPEC, its_family}]
        if not usable:
            raise socket.gaierror(socket.EAI_NONAME, "no address of this family")
        return [
            {
                "hostname": host,
                "host": ip,
                "port": port,
                "family": its_family,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
            for ip, its_family in usable
        ]

    async def close(self) -> None:
        """Do nothing: the threads of a Resolver end with the program."""


async def read_at_most(content: aiohttp.StreamReader, most_bytes: int) -> bytes | None:
    """Return a body; None where it has more bytes than that."""
    body = bytearray()
    async for block in content.iter_any():
        body += block
        if len(body) > most_bytes:
            return None
    return bytes(body)
