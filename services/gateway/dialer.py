"""Connections from the gateway into the lab, to the targets of a fixed list only."""

import asyncio
import os
import socket
from collections.abc import Callable, Collection

from services.runtime.http import Address


class Unreachable(Exception):
    """No connection to a target could be made; the text says which target, and why."""

    def __init__(self, target: Address, reason: str) -> None:
        super().__init__(f"{target}: {reason}")
        self.target, self.reason = target, reason


class Dialer:
    """Connects to `targets`; look-up and connect together may take `timeout_s` seconds."""

    def __init__(self, targets: Collection[Address], *, timeout_s: float) -> None:
        self.targets = frozenset(targets)
        self.timeout_s = timeout_s

    async def dial(self, target: Address, protocol: Callable[[], asyncio.BaseProtocol]) -> asyncio.Transport:
        """Return a connection to a target. Raises Unreachable, also for an address that is not one of the targets."""
        if target not in self.targets:
            raise Unreachable(target, "is not a target of this gateway")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.timeout_s):
                transport, _protocol = await loop.create_connection(protocol, *target)
        except TimeoutError as error:
            raise Unreachable(target, f"no connection within {self.timeout_s:g} s") from error
        except socket.gaierror as error:
            raise Unreachable(target, f"the name has no address ({error.strerror})") from error
        except OSError as error:
            raise Unreachable(target, os.strerror(error.errno) if error.errno else str(error)) from error
        return transport
