"""The lab in one process: the same applications as in the containers, on loopback, at ports that the system chooses.

It needs no Docker and no privileges, and no container has to start: the quickest way to try or to debug an experiment.
`sites` and `gateway` are its parts, and `broker` that of its pipeline.
"""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lab import PROGRAM
from lab.embedded import broker
from lab.embedded.sites import FILES_PER_CONNECTION, LOOPBACK, SiteRoutes, embedded_sites
from services.client.broker_settings import BrokerSettings
from services.client.cli import Invocation
from services.client.settings import LAB, ClientSettings
from services.client.topology import Topology
from services.hello.settings import HelloSettings
from services.runtime.process import raise_open_files
from services.runtime.run import Stop
from services.runtime.terminal import say
from services.sites.server import RunningSite
from services.sites.settings import SitesSettings
from services.sites.tls.authority import CA_FILE

EMBEDDED = f"{PROGRAM} embedded"
FETCHES = "services.client.wget.command"  # the handler of the command that asks sites, and nothing else


@asynccontextmanager
async def embedded_lab(
    hello: HelloSettings | None = None, sites: SitesSettings | None = None
) -> AsyncIterator[ClientSettings]:
    """Serve the lab, and yield the settings with which a client reaches it. Raises RecordingUnfit."""
    from services.hello.app import make_app
    from services.runtime.serving.serve import serve_app

    app = make_app(hello or HelloSettings())
    # When the client has ended, no request is left to answer.
    async with embedded_sites(sites) as running, serve_app(app, LOOPBACK, drain_s=0) as hello_at:
        ca = running.site.settings.ca
        yield dataclasses.replace(
            settings_at(running), hello_url=hello_at.url, ca_file=ca / CA_FILE if ca is not None else None
        )


@asynccontextmanager
async def lab_for_fetches(sites: SitesSettings | None) -> AsyncIterator[ClientSettings]:
    """Serve what fetches can reach, and yield the settings for them: their first line comes in half the time.

    The packages of hello, the admin side and the CA are imported only where a request needs them. Raises
    RecordingUnfit.
    """
    async with embedded_sites(sites, waits=True) as running:
        yield settings_at(running)


def settings_at(running: RunningSite) -> ClientSettings:
    """Return the settings with which a client reaches running sites."""
    topology = Topology(SiteRoutes(running), closed=True)
    return ClientSettings(topology=topology, files_per_connection=FILES_PER_CONNECTION, called=EMBEDDED)


async def run_embedded(
    invocation: Invocation,
    hello: HelloSettings,
    sites: SitesSettings,
    stop: Stop,
    *,
    named: BrokerSettings | None = None,
) -> int:
    """Run a client's command line against a lab with these settings, and return its exit code.

    `named`: a broker that has its own workers; without one, a command line that needs a broker gets both.
    """
    raise_open_files()
    is_wanted = named is None and broker.is_wanted(invocation)
    if is_wanted:
        broker.check(invocation)
    only_fetches = invocation.handler == FETCHES and invocation.values.get("ca") != LAB
    async with lab_for_fetches(sites) if only_fetches else embedded_lab(hello, sites) as settings:
        if is_wanted:
            async with broker.broker_and_workers(settings) as with_broker:
                code = await invocation.main(with_broker, stop)
        else:
            without = str(broker.BrokerMissing()) if broker.is_missed(invocation) else ""
            code = await invocation.main(dataclasses.replace(settings, broker=named, no_broker=without), stop)
    if code == 0 and changes_faults(invocation):
        say(f"This lab has ended, and its faults with it. One that stands: {PROGRAM} serve, then --lab URL")
    return code


def changes_faults(invocation: Invocation) -> bool:
    """Return whether a command line changes what a site does wrong, which is of no use to any other command."""
    return invocation.handler.endswith(".admin.faults") and invocation.values["action"] in {"set", "clear", "reset"}
