"""`python -m services.watch`: serve the page until a signal stops it. Read `services.watch.server` next."""

import dataclasses
import logging
import sys

from services.runtime.interrupts import leave_at_interrupt

leave_at_interrupt()  # before the imports below

from services.runtime.cli import OptionParser, add_loop_option, add_version_option, main_of
from services.runtime.logs import configure_logs
from services.runtime.process import raise_open_files
from services.runtime.run import Stop, run
from services.runtime.settings import Environment
from services.watch.settings import WatchSettings

log = logging.getLogger(__name__)


async def serve(settings: WatchSettings, stop: Stop) -> int:
    """Serve until a stop is requested; runs that are under way are stopped then."""
    from services.watch.server import watch_served

    async with watch_served(settings) as address:
        log.info("the page of the lab at %s is at %s", settings.lab, address)
        await stop.event.wait()
    return 0


def program() -> int:
    """Read environment and options, and serve."""
    settings = WatchSettings.from_environment(Environment())
    parser = OptionParser(prog="watch", description="The lab in the browser; its settings are environment variables.")
    add_version_option(parser)
    add_loop_option(parser, default=settings.loop)
    settings = dataclasses.replace(settings, loop=parser.parse_args().loop)
    configure_logs(settings.log_format)
    raise_open_files()
    return run(lambda stop: serve(settings, stop), loop=settings.loop)


if __name__ == "__main__":
    sys.exit(main_of(program, name="watch"))
