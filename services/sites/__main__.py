"""`python -m services.sites`: play the recordings until a stop is asked for.

A recording that cannot be played keeps the site from being ready: the log and /readyz name the file and the reason,
and the recorded port stays shut, since half a lab would mislead.
"""

import dataclasses
import logging
import sys

from services.runtime.command_line import OptionParser, add_loop_option, main_of
from services.runtime.limits import raise_open_files
from services.runtime.logs import configure_logs
from services.runtime.run import Stop, run
from services.runtime.serve import serve_app
from services.runtime.settings import Environment
from services.sites.admin import make_admin, make_unready_admin
from services.sites.recording import BadRecording, load_recordings
from services.sites.replay import Site, known, serve_site
from services.sites.settings import SitesSettings

log = logging.getLogger(__name__)


async def serve(settings: SitesSettings, stop: Stop) -> int:
    """Serve until a stop is asked for; answers on their way are sent first."""
    try:
        site = Site(load_recordings(settings.directory, hosts=settings.hosts), settings)
    except BadRecording as error:
        log.error("not ready: recording %s", error)  # noqa: TRY400 - the reason is the file's, not the code's
        async with serve_app(make_unready_admin(str(error)), settings.admin):
            await stop.event.wait()
        return 1
    async with serve_site(site, settings.where) as address, serve_app(make_admin(site), settings.admin):
        log.info("%s at %s", known(site.recordings), address.url)
        await stop.event.wait()
    return 0


def program() -> int:
    """Read options and environment, and serve."""
    settings = SitesSettings.from_environment(Environment())
    parser = OptionParser(prog="sites", description="The recorded sites; their settings are environment variables.")
    add_loop_option(parser, default=settings.loop)
    settings = dataclasses.replace(settings, loop=parser.parse_args().loop)
    configure_logs(settings.log_format)
    raise_open_files()
    return run(lambda stop: serve(settings, stop), loop=settings.loop)


if __name__ == "__main__":
    sys.exit(main_of(program, name="sites"))
