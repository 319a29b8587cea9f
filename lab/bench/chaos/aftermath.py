"""After the load has stopped: whether the lab becomes healthy by itself, and what its services count and log."""

import asyncio
import time
from collections.abc import Iterable, Mapping

from lab.bench.chaos.clients.container import CLEAR, Client
from lab.bench.chaos.engine import docker
from lab.bench.chaos.found import SETTLED_WITHIN_S, Found, Sums
from lab.bench.chaos.logs import forbidden
from lab.bench.chaos.own_lab import Recordings
from lab.bench.chaos.schedule import GOOD, HOSTS
from lab.bench.chaos.service import Service
from lab.bench.chaos.site_sums import read_sums
from services.runtime.http import ADMIN_PORT

SUMS_WITHIN_S = 90.0
AGAIN_S = 1.0


async def settle(services: Mapping[str, Service], recordings: Recordings, client: Client, found: Found) -> None:
    """Restore the recordings, wait until the lab is healthy by itself, and clear all faults."""
    began_s = time.monotonic()
    await asyncio.to_thread(recordings.put, GOOD)
    while True:
        found.not_healthy = [name for name, service in services.items() if not is_healthy(await service.look())]
        took_s = time.monotonic() - began_s
        if not found.not_healthy or took_s > SETTLED_WITHIN_S:
            break
        await asyncio.sleep(AGAIN_S)
    found.settled_s = took_s
    for site in sites(services):
        await client.run(CLEAR, f"{admin_of(site)}/faults")


def is_healthy(state: Mapping[str, object]) -> bool:
    """Return whether a container runs and is healthy, given its state from the engine."""
    health = state.get("Health")
    return bool(state.get("Running")) and (not isinstance(health, dict) or health.get("Status") == "healthy")


def sites(services: Iterable[str]) -> list[str]:
    """Return those of the services that are sites."""
    return [service for service in services if service in HOSTS]


def admin_of(site: str) -> str:
    """Return the URL of a site's admin side, by a host name that the site answers to."""
    return f"http://{HOSTS[site]}:{ADMIN_PORT}"


async def account(services: Mapping[str, Service], client: Client, found: Found) -> None:
    """Ask each service for its sums and its log."""
    last_s = time.monotonic() + SUMS_WITHIN_S
    for site in sites(services):
        found.sums[site] = await sums_of(site, client, last_s=last_s)
    for name, service in services.items():
        logged = await docker("logs", service.container)
        found.log[name] = forbidden([*logged.out.splitlines(), *logged.err.splitlines()])


async def sums_of(service: str, client: Client, *, last_s: float) -> Sums | None:
    """Return a site's sums once they are exact: an open exchange is in the journal, and not yet in the metrics."""
    while True:
        journal = await client.fetch(f"{admin_of(service)}/journal?limit=0")
        metrics = await client.fetch(f"{admin_of(service)}/metrics")
        sums = read_sums(journal, metrics)
        if (sums and sums.exact) or time.monotonic() > last_s:
            return sums
        await asyncio.sleep(AGAIN_S)
