"""A site that runs: its recordings read and watched, its listeners open, its admin side answering.

One async context manager, which the container and the embedded lab share. The listeners stay shut while no valid set of
recordings has been read, since half a lab would mislead; the admin side answers all the while, and says why.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.runtime.http import Address
from services.runtime.tasks import background_task
from services.sites.admin.served import admin_served
from services.sites.faults.plan import BadPlan
from services.sites.listening.listeners import Listeners, open_listeners
from services.sites.replay.directory import RecordingDirectory, TooLarge
from services.sites.replay.files import BadRecording
from services.sites.saved_plans import SavedPlans
from services.sites.settings import SitesSettings
from services.sites.site import Site, known_names
from services.sites.tls.authority import Authority
from services.sites.tls.protocol import over_tls

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunningSite:
    """A site, its listeners, the address of its admin side, and the CA that signs its certificates."""

    site: Site
    listeners: Listeners
    admin: Address
    authority: Authority


@asynccontextmanager
async def serve_site(
    settings: SitesSettings, *, logs_beginning: bool = True, admin_waits: bool = False
) -> AsyncIterator[RunningSite]:
    """Run a site while inside. What keeps it from being ready later on is in `site.trouble`, until it is mended.

    `logs_beginning`: whether the log has it, too, where the recordings cannot be played to begin with. `admin_waits`:
    whether the admin side is made only once it is asked.
    Raises PortUnavailable where a port cannot be had to begin with.
    """
    site = Site(settings)
    recordings = RecordingDirectory(
        settings.directory,
        settings.hosts,
        without=settings.without,
        own=settings.own,
    )
    authority = Authority(settings.ca_key, settings.ca, pool=site.budget.certificates)
    listeners = Listeners(site, over_tls(authority))
    saved = SavedPlans(settings.state, settings.hosts)

    async def reconcile() -> None:
        try:
            await listeners.reconcile()
        finally:
            await saved.save(site)  # the plan is in force, whatever a port says

    is_read = await read(site, recordings, saved)
    if logs_beginning and not is_read:
        log_trouble(site)
    gateway = listeners.gateway
    async with (
        admin_served(site, reconcile, waits=admin_waits) as admin,
        open_listeners(listeners),
        background_task(watch(site, recordings, listeners, saved)),
        background_task(gateway.look_up_for_ever(settings.reload_s)) if gateway else contextlib.nullcontext(),
    ):
        if is_read:
            log_playing(site)  # its ports are open by now
        yield RunningSite(site, listeners, admin, authority)


async def read(site: Site, recordings: RecordingDirectory, saved: SavedPlans) -> bool:
    """Read the recordings, and play them if they are valid; else return False, and go on with those that are played."""
    recordings.room_bytes = site.budget.recordings_room - site.played_bytes
    try:
        site.adopt(await asyncio.to_thread(recordings.load))
    except (BadRecording, BadPlan) as error:
        site.budget.recordings.refused += isinstance(error, TooLarge)
        site.recordings_trouble = str(error)
        return False
    site.listeners_trouble = site.listeners_trouble or "the listeners are not open yet"  # until they are reconciled
    await saved.restore(site)
    await saved.save(site)  # a sidecar that changed has put its own plan in force
    return True


def log_playing(site: Site) -> None:
    """Log which hosts are played."""
    log.info("playing %s", known_names(site.hosts))


def log_trouble(site: Site) -> None:
    """Log which recording cannot be played, and why."""
    log.error("not ready: recording %s", site.recordings_trouble)


async def watch(site: Site, recordings: RecordingDirectory, listeners: Listeners, saved: SavedPlans) -> None:
    """Read the recordings again whenever they change."""
    while True:
        await asyncio.sleep(site.settings.reload_s)
        if await asyncio.to_thread(recordings.changed):
            is_read = await read(site, recordings, saved)
            await listeners.try_to_reconcile()
            if is_read:
                log_playing(site)
            else:
                log_trouble(site)
