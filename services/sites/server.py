"""A site that runs: its recordings read and watched, its doors open, its admin side answering.

One async context manager, which the container and the embedded lab share. The doors stay shut while no valid set of
recordings has been read, since half a lab would mislead; the admin side answers all the while, and says why.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.runtime.serving.listen import Address
from services.runtime.serving.serve import serve_app
from services.runtime.tasks import alongside
from services.sites.admin.app import make_admin
from services.sites.faults.plan import BadPlan
from services.sites.listeners import Listeners, open_listeners
from services.sites.replay.directory import BadRecording, RecordingDirectory, TooLarge
from services.sites.saved_plans import SavedPlans
from services.sites.settings import SitesSettings
from services.sites.site import Site, known_names
from services.sites.tls.authority import Authority
from services.sites.tls.protocol import secure_connections

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunningSite:
    """A site, its doors, the address of its admin side, and who signs its certificates."""

    site: Site
    doors: Listeners
    admin: Address
    authority: Authority


@asynccontextmanager
async def serve_site(settings: SitesSettings) -> AsyncIterator[RunningSite]:
    """Run a site while inside. What keeps it from being ready later on is in `site.trouble`, until it is mended.

    Raises PortUnavailable where a port cannot be had to begin with.
    """
    site = Site(settings)
    catalogue = RecordingDirectory(
        settings.directory,
        settings.hosts,
        without=settings.without,
        own=settings.own,
        room_bytes=site.budget.recordings_room,
    )
    authority = Authority(settings.ca_key, settings.ca, pool=site.budget.certificates)
    doors = Listeners(site, secure_connections(authority))
    state = SavedPlans(settings.state, settings.hosts)

    async def settle() -> None:
        try:
            await doors.settle()
        finally:
            await state.save(site)  # the plan is in force, whatever a port says

    await read(site, catalogue, state)
    async with (
        serve_app(make_admin(site, settle), settings.admin) as admin,
        open_listeners(doors),
        alongside(watch(site, catalogue, doors, state)),
    ):
        yield RunningSite(site, doors, admin, authority)


async def read(site: Site, catalogue: RecordingDirectory, state: SavedPlans) -> None:
    """Read the recordings, and play them if they are valid; else go on with those that are played."""
    try:
        site.adopt(await asyncio.to_thread(catalogue.load))
    except (BadRecording, BadPlan) as error:
        site.budget.recordings.refused += isinstance(error, TooLarge)
        site.unfit = str(error)
        log.error("not ready: recording %s", error)  # noqa: TRY400 - the reason is the file's, not the code's
    else:
        site.shut = site.shut or "the doors are not open yet"  # until they are settled, which comes next
        log.info("playing %s", known_names(site.hosts))
        await state.restore(site)
        await state.save(site)  # a sidecar that changed has put its own plan in force


async def watch(site: Site, catalogue: RecordingDirectory, doors: Listeners, state: SavedPlans) -> None:
    """Read the recordings again whenever they change."""
    while True:
        await asyncio.sleep(site.settings.reload_s)
        if await asyncio.to_thread(catalogue.changed):
            await read(site, catalogue, state)
            await doors.try_to_reconcile()
