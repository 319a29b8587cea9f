"""The gateway's proxy as a process, with one host whose server has a free port: its own program knows ports 80 and 443.

`python -m lab.bench.harness.gateway_program PORT TARGET_PORT HOST... --loop LOOP --handover DIRECTORY`

As in containers, it hands connections over to the server at a Unix socket, if a directory for that is named.
"""

import argparse
import asyncio
import signal
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.gateway.proxy.directory import HTTP_PORT, Handover, Link, SiteUrls
from services.gateway.proxy.handover.channels import Channels
from services.gateway.proxy.handover.inbound_only import has_filter
from services.gateway.proxy.server import proxy_served
from services.gateway.proxy.settings import ProxySettings
from services.runtime.http import Address
from services.runtime.process import raise_open_files
from services.runtime.run import loop_factory

LOOPBACK = "127.0.0.1"
SITE = "site"  # the name of its directory, in that of the sockets
MAX_CONNECTIONS = 4096


class OneServer:
    """A directory of hosts that one server plays."""

    is_direct = False
    hello_url = takes_hosts = ""

    def __init__(self, hosts: Sequence[str], server: Address, channels: Channels | None) -> None:
        self._hosts = frozenset(hosts)
        self._server = server
        self._channels = channels

    async def look(self) -> None:
        """Do nothing: the hosts do not change."""

    async def has(self, name: str) -> bool:
        """Return whether it is one of the hosts."""
        return name in self._hosts

    def urls(self) -> Mapping[str, SiteUrls]:
        """Return nothing: no page of the gateway is asked for."""
        return {}

    def names(self) -> list[str]:
        """Return the hosts."""
        return sorted(self._hosts)

    def find(self, name: str, port: int) -> Address | None:
        """Return the server's address."""
        return self._server if name in self._hosts and port == HTTP_PORT else None

    def announce(self, _link: Link) -> bytes:
        """Say nothing, as a plain forwarder."""
        return b""

    def forget(self, link: Link) -> None:
        """Do nothing."""

    def hand_over(self, connected: socket.socket, handover: Handover) -> bool:
        """Send the socket to the server, if it takes any."""
        return self._channels is not None and self._channels.send(SITE, connected, handover)


async def serve(port: int, directory: OneServer, *, inbound_only: bool) -> None:
    """Serve until a SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    settings = ProxySettings(
        Address(LOOPBACK, port), max_connections=MAX_CONNECTIONS, drain_s=0, inbound_only=inbound_only
    )
    async with proxy_served(settings, directory):
        await stopped.wait()


def main() -> None:
    """Read the options, and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("target", type=int)
    parser.add_argument("hosts", nargs="+")
    parser.add_argument("--handover", type=Path)
    parser.add_argument("--loop", default="asyncio")
    options = parser.parse_args()
    raise_open_files()
    channels = Channels(options.handover) if options.handover else None
    server = OneServer(options.hosts, Address(LOOPBACK, options.target), channels)
    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(serve(options.port, server, inbound_only=channels is not None and has_filter()))


if __name__ == "__main__":
    main()
