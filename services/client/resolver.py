"""How aiohttp looks names up here: as the survey does, so that a resolver that hangs keeps nothing from ending.

aiohttp's own resolver asks in a thread of the loop's pool, and the program's end waits for that thread: neither ^C nor
a timeout would end it before the resolver does.
"""

import socket
from typing import TYPE_CHECKING

from aiohttp.abc import AbstractResolver

from services.client.names import Names

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult


class Resolver(AbstractResolver):
    """Looks names up for the sessions of one event loop."""

    def __init__(self, names: Names | None = None) -> None:
        self._names = names or Names()

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
