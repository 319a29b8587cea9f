"""`python -m services.sites`: play the recordings until a stop is asked for."""

import asyncio
import dataclasses
import logging
import sys

from services.runtime.interrupts import leave_at_interrupt

leave_at_interrupt()  # first: it is about the imports below

from services.runtime.cli import OptionParser, add_loop_option, add_version_option, main_of
from services.runtime.logs import configure_logs
from services.runtime.process import raise_open_files
from services.runtime.run import Stop, run
from services.runtime.settings import Environment
from services.sites.server import serve_site
from services.sites.settings import SitesSettings

SPARE_FILES = 64  # the listeners, the admin side, logs, recordings

log = logging.getLogger(__name__)


async def serve(settings: SitesSettings, stop: Stop) -> int:
    """Serve until a stop is asked for; answers on their way are sent first."""
    async with serve_site(settings) as running:
        # Clients read the CA's certificate from a file, which has to be there before the site is called ready.
        await asyncio.to_thread(running.authority.certificate)
        log.info("HTTP at %s, TLS at %s, admin side at %s", settings.where, settings.tls or "no port", running.admin)
        await stop.event.wait()
        ready = not running.site.trouble
    return 0 if ready else 1


def program() -> int:
    """Read options and environment, and serve."""
    settings = SitesSettings.from_environment(Environment())
    parser = OptionParser(prog="sites", description="The recorded sites; their settings are environment variables.")
    add_version_option(parser)
    add_loop_option(parser, default=settings.loop)
    most = raise_open_files() - SPARE_FILES
    settings = dataclasses.replace(
        settings, loop=parser.parse_args().loop, max_connections=min(most, settings.max_connections)
    )
    configure_logs(settings.log_format)
    return run(lambda stop: serve(settings, stop), loop=settings.loop)


if __name__ == "__main__":
    sys.exit(main_of(program, name="sites"))
