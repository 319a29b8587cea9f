"""The client with no arguments: the tutorial's three programs, in its order.

On stdout is what the tutorial prints, and nothing else. A person at a terminal also sees, on stderr, what to look at in
each program, then the picture of `client compare`, and what to try next.
"""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.client import hello
from services.client.pipeline import command as pipeline
from services.client.settings import ClientSettings
from services.client.wget import tutorial as wget
from services.runtime.command_line import INTERRUPTED
from services.runtime.run import Stop, until_stopped

ITEMS = 5
USERS = 100


@dataclass(frozen=True, slots=True)
class Options:
    """`timeout_s`: for each fetch."""

    timeout_s: float


async def main(options: Options, settings: ClientSettings, stop: Stop) -> int:
    """Run all three and return the greatest exit code; a stop ends the one that runs and those that follow."""

    async def fetch() -> int:
        work = wget.fetch_all([], settings.topology, edition="await", timeout_s=options.timeout_s)
        return await until_stopped(work, stop)

    programs: tuple[Callable[[], Awaitable[int]], ...] = (
        fetch,
        lambda: pipeline.main(pipeline.Options(ITEMS), settings, stop),
        lambda: hello.main(hello.Options(USERS, options.timeout_s), settings, stop),
    )
    guide = None
    if sys.stderr is not None and sys.stderr.isatty():
        from services.client.guide import Guide

        guide = Guide(settings, sys.stderr)
    worst = 0
    for number, program in enumerate(programs):
        if guide:
            guide.introduce(number)
        worst = max(worst, await program())
        if stop.event.is_set():
            return worst
    if guide and await until_stopped(guide.conclude(timeout_s=options.timeout_s), stop) == INTERRUPTED:
        return INTERRUPTED
    return worst
