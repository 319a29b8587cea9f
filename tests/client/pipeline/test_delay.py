"""`client pipeline --delay`: the lab's sites take so long while it runs, and are as before whatever its end is."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

import services.client.trace.recording  # noqa: F401 - importing it reads a file, which a loop must not wait for
from lab.embedded.program import embedded_lab
from services.client.admin.api import ask
from services.client.pipeline.command import Options, check, main
from services.client.settings import TUTORIAL_HOSTS, ClientSettings
from services.client.survey.options import Contradiction
from services.client.topology import Topology
from services.runtime.errors import ProgramError
from services.runtime.run import Stop
from services.sites.settings import SitesSettings

pytestmark = pytest.mark.anyio

FOREVER_S = 3600.0


@pytest.fixture
async def lab() -> AsyncIterator[ClientSettings]:
    """Give a lab."""
    async with embedded_lab(sites=SitesSettings(drain_s=0)) as settings:
        yield settings


@pytest.fixture
def targets(tmp_path: Path) -> str:
    """Return a file of the three sites."""
    file = tmp_path / "targets.txt"
    file.write_text("\n".join(TUTORIAL_HOSTS))
    return str(file)


async def plans(settings: ClientSettings) -> list[Mapping[str, object]]:
    """Return the plan of each site as it is."""
    return [(await ask(settings, host, "GET", f"/faults/{host}")).data for host in TUTORIAL_HOSTS]


@pytest.mark.parametrize("edition", ["generator", "queue"])
async def test_the_sites_are_delayed_and_then_as_before(edition: str, lab: ClientSettings, targets: str) -> None:
    """Each answer of a run comes after the delay, and the plans are those of before."""
    before = await plans(lab)
    began = asyncio.get_running_loop().time()
    assert await main(Options(input=targets, edition=edition, delay_s=0.1), lab, Stop()) == 0
    assert asyncio.get_running_loop().time() - began > 0.1
    assert await plans(lab) == before


async def test_a_stop_ends_the_delay(lab: ClientSettings, targets: str) -> None:
    """No site keeps it."""
    before, stop = await plans(lab), Stop()
    running = asyncio.ensure_future(main(Options(input=targets, edition="queue", delay_s=FOREVER_S), lab, stop))
    while any(plan["source"] != "temporary" for plan in await plans(lab)):
        pass
    stop.event.set()
    assert await running == 130
    assert await plans(lab) == before


@pytest.mark.parametrize(
    "options",
    [
        Options(edition="queue", trace="/no/such/directory/trace.json"),
        Options(edition="queue", report="/no/such/directory/report.html"),
        Options(edition="queue", input="/no/such/targets.txt"),
        Options(edition="jetstream"),
        Options(edition="jetstream", trace="/no/such/directory/trace.json"),
    ],
    ids=["trace", "report", "input", "no broker", "trace, no broker"],
)
async def test_what_is_refused_delays_no_site(
    options: Options, targets: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no lab here: a site that is asked for a delay would be a line on stderr."""
    nowhere = ClientSettings(topology=Topology({}, closed=True))
    with pytest.raises(ProgramError):
        await main(replace(options, input=options.input or targets, delay_s=1.0), nowhere, Stop())
    assert capsys.readouterr().err == ""


def test_numbers_have_no_delay() -> None:
    """They are asked of no site."""
    with pytest.raises(Contradiction, match="leave out --delay"):
        check(Options(delay_s=1.0))
