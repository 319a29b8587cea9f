"""The lab in one process: the same applications as in the containers, on loopback, at ports the system chooses.

No Docker, no privileges, no container's start to wait for: the quickest way to try an experiment or to debug one.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from lab import recordings
from lab.errors import RecordingsUnusable
from services.client.cli import Invocation
from services.client.settings import ClientSettings
from services.client.topology import Topology
from services.client.wget.command import HTTP_PORT
from services.hello.app import make_app
from services.hello.settings import HelloSettings
from services.runtime.limits import raise_open_files
from services.runtime.run import Stop
from services.runtime.serve import Address, serve_app
from services.sites.recording import BadRecording, Recording, load_recordings
from services.sites.replay import Site, serve_site
from services.sites.settings import SitesSettings

LOOPBACK = Address("127.0.0.1", 0)
FILES_PER_CONNECTION = 2  # this process has both ends


@asynccontextmanager
async def embedded_lab(
    hello: HelloSettings | None = None, sites: SitesSettings | None = None, *, own: Path | None = None
) -> AsyncIterator[ClientSettings]:
    """Serve the lab, with a person's `own` recordings if there are any, and yield what a client has to know of it."""
    sites = sites or SitesSettings()
    site = Site(load_recordings(sites.directory, hosts=sites.hosts) | own_recordings(own), sites)
    async with AsyncExitStack() as stack:
        hello_at = await stack.enter_async_context(serve_app(make_app(hello or HelloSettings()), LOOPBACK))
        site_at = await stack.enter_async_context(serve_site(site, LOOPBACK))
        yield ClientSettings(
            topology=Topology({(host, HTTP_PORT): site_at for host in site.recordings}, closed=True),
            hello_url=hello_at.url,
            files_per_connection=FILES_PER_CONNECTION,
        )


def own_recordings(own: Path | None) -> dict[str, Recording]:
    """Return a person's own recordings, none if there is no such directory. Raises RecordingsUnusable."""
    if not own or not recordings.hosts(own):
        return {}
    try:
        return load_recordings(own)
    except BadRecording as error:
        raise RecordingsUnusable(own, f"holds {error}", "record it again, or move it away") from error


async def run_embedded(invocation: Invocation, hello: HelloSettings, stop: Stop, *, own: Path | None = None) -> int:
    """Run a client's command line against a lab of its own, and return its exit code."""
    raise_open_files()
    async with embedded_lab(hello, own=own) as settings:
        return await invocation.main(settings, stop)
