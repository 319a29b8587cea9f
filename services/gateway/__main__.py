"""`python -m services.gateway`: relay connections until a signal stops it."""

import contextlib
import dataclasses
import importlib.util
import logging
import sys

from services.runtime.interrupts import leave_at_interrupt

leave_at_interrupt()  # before the imports below

from services.gateway.acceptor import accepting
from services.gateway.health import health_served
from services.gateway.proxy.directory import ComposeDirectory
from services.gateway.proxy.handover.channels import Channels
from services.gateway.proxy.handover.inbound_only import has_filter
from services.gateway.proxy.played_hosts import PlayedHosts
from services.gateway.proxy.server import proxy_served
from services.gateway.proxy.settings import ProxySettings
from services.gateway.settings import GatewaySettings
from services.runtime.cli import OptionParser, add_loop_option, main_of
from services.runtime.http import Address
from services.runtime.logs import configure_logs
from services.runtime.process import raise_open_files
from services.runtime.run import Stop, run
from services.runtime.settings import Environment

SPARE_FILES = 64  # the listening sockets, the health check, look-ups
FILES_PER_CONNECTION = 2
PORTS = 3  # for clients: hello's, the page's, and the proxy's

log = logging.getLogger(__name__)


async def serve(settings: GatewaySettings, stop: Stop) -> int:
    """Relay connections until a stop is requested, and let answers in flight end."""
    played = PlayedHosts(settings.takes_hosts) if settings.takes_hosts else None
    channels = channels_of(settings)
    directory = ComposeDirectory(settings.hosts, settings.target, channels, played)
    with contextlib.nullcontext() if channels is None else contextlib.closing(channels):
        async with (
            accepting(settings) as (_acceptor, address),
            accepting(of_the_page(settings)) as (_pages, page),
            proxy_served(proxy_settings(settings, channels), directory, ca=settings.ca) as proxy,
            health_served(settings.health) as health,
        ):
            log.info("from %s to %s, health at %s, proxy at %s", address, settings.target, health, proxy.address)
            log.info("from %s to %s", page, settings.page_target)
            await stop.event.wait()
    return 0


def of_the_page(settings: GatewaySettings) -> GatewaySettings:
    """Return the settings of the port for browsers, whose bytes go to the service `watch`."""
    return dataclasses.replace(settings, where=settings.page, target=settings.page_target)


def channels_of(settings: GatewaySettings) -> Channels | None:
    """Return where sites take connections of clients; None where no connection is to be handed over, or may be."""
    if settings.handover is None:
        return None
    if not has_filter():
        log.warning("this system lets no program without a capability filter its sockets: all connections are relayed")
        return None
    return Channels(settings.handover)


def proxy_settings(settings: GatewaySettings, channels: Channels | None = None) -> ProxySettings:
    """Return the proxy's part of the settings."""
    return ProxySettings(
        Address(settings.where.host, settings.proxy_port),
        names=settings.names,
        max_connections=settings.max_connections,
        connect_timeout_s=settings.connect_timeout_s,
        silence_timeout_s=settings.idle_timeout_s,
        drain_s=settings.drain_s,
        inbound_only=channels is not None,
    )


def program() -> int:
    """Read environment and options, and serve."""
    settings = GatewaySettings.from_environment(Environment())
    parser = OptionParser(prog="gateway", description="The way into the lab; its settings are environment variables.")
    add_loop_option(parser, default=installed(settings.loop))
    loop = parser.parse_args().loop
    configure_logs(settings.log_format)
    most = max(1, (raise_open_files() - SPARE_FILES) // (FILES_PER_CONNECTION * PORTS))
    settings = dataclasses.replace(settings, loop=loop, max_connections=min(settings.max_connections, most))
    return run(lambda stop: serve(settings, stop), loop=settings.loop)


def installed(loop: str) -> str:
    """Return `loop`, or asyncio where it is not installed, as in this image; LAB_LOOP is set for all services."""
    return loop if loop == "asyncio" or importlib.util.find_spec(loop) else "asyncio"


if __name__ == "__main__":
    sys.exit(main_of(program, name="gateway"))
