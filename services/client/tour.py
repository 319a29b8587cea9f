"""The client with no arguments: the tutorial's three programs, in its order."""

from dataclasses import dataclass

from services.client import hello
from services.client.pipeline import command as pipeline
from services.client.settings import ClientSettings
from services.client.wget import tutorial as wget
from services.runtime.run import Stop, until_stopped

ITEMS = 5
USERS = 100


@dataclass(frozen=True, slots=True)
class Options:
    """`timeout_s`: for each fetch."""

    timeout_s: float


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Run all three and return the greatest exit code; a stop ends the one that runs and those that follow."""
    fetching = wget.fetch_all([], settings.topology, edition="await", timeout_s=options.timeout_s)
    worst = await until_stopped(fetching, stop)
    if not stop.event.is_set():
        worst = max(worst, await pipeline.main(pipeline.Options(ITEMS), settings, stop))
    if not stop.event.is_set():
        worst = max(worst, await hello.main(hello.Options(USERS, options.timeout_s), settings, stop))
    return worst
