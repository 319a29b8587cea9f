"""How aiohttp is used here: names are looked up as the survey does it, and answers are read to a bound.

aiohttp's own resolver asks in a thread of the loop's pool, and the program's end waits for that thread: neither ^C nor
a timeout would end it before the resolver does. An endless answer would fill any memory.
"""

import socket
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.abc import AbstractResolver

from services.client.resolver import Resolver

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult


class SessionResolver(AbstractResolver):
    """Looks names up for the sessions of one event loop."""

    def __init__(self, names: Resolver | None = None) -> None:
        self._names = names or Resolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> "list[ResolveResult]":
        """Return the addresses of a name. Raises socket.gaierror where it has none of that family."""
        addresses = self._names.known(host) or await self._names.look_up(host)
        found = [(ip, socket.AF_INET6 if ":" in ip else socket.AF_INET) for ip in addresses]
        usable = [(ip, its) for ip, its in found if family in {socket.AF_UNSPEC, its}]
        if not usable:
            raise socket.gaierror(socket.EAI_NONAME, "no address of this family")
        return [
            {"hostname": host, "host": ip, "port": port, "family": its, "proto": 0, "flags": socket.AI_NUMERICHOST}
            for ip, its in usable
        ]

    async def close(self) -> None:
        """Leave the threads: they end with the program."""


AS_IT_COMES = {"Accept-Encoding": "identity"}  # sessions read bodies as they come: a few coded bytes can be gigabytes


async def read_at_most(content: aiohttp.StreamReader, most_bytes: int) -> bytes | None:
    """Return a body; None where it has more bytes than that."""
    body = bytearray()
    async for block in content.iter_any():
        body += block
        if len(body) > most_bytes:
            return None
    return bytes(body)
