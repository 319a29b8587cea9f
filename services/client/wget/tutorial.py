"""The tutorial's editions, run for all targets at once.

Every target ends in its head on stdout or in one line on stderr. Whatever a host does, its deadline ends it. What a
survey of many hosts needs beyond that: `survey`.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence

from services.client.errors import FetchError, fetch_error
from services.client.settings import TUTORIAL_HOSTS
from services.client.topology import Topology
from services.client.wget import await_, yield_from
from services.runtime.command_line import say
from services.runtime.text import printable

Edition = Callable[[str, int, Topology], Awaitable[None]]
EDITIONS: dict[str, Edition] = {"yield-from": yield_from.wget, "await": await_.wget}
TARGET = re.compile(r"([A-Za-z0-9._-]{1,253})(?::(\d{1,5}))?")
HTTP_PORT = 80
MOST_AT_ONCE = 256


async def fetch_all(targets: Sequence[str], topology: Topology, *, edition: str, timeout_s: float) -> int:
    """Fetch every target (none: the tutorial's three), MOST_AT_ONCE at most at a time, each within `timeout_s`.

    Returns 0 if all answered, 1 if some did, 4 if none did.
    """
    places = asyncio.Semaphore(MOST_AT_ONCE)

    async def fetch(target: str) -> bool:
        async with places:
            return await fetched(target, topology, edition=EDITIONS[edition], timeout_s=timeout_s)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(fetch(target)) for target in targets or TUTORIAL_HOSTS]
    answered = sum(task.result() for task in tasks)
    if answered == len(tasks):
        return 0
    return 1 if answered else 4


async def fetched(target: str, topology: Topology, *, edition: Edition, timeout_s: float) -> bool:
    """Fetch one target and return whether it answered; if not, one line on stderr says why."""
    try:
        host, port = read_target(target)
        async with asyncio.timeout(timeout_s) as deadline:
            await edition(host, port, topology)
    except (FetchError, OSError, ValueError) as error:
        if isinstance(error, TimeoutError) and deadline.expired():
            error = FetchError("head_timeout", f"no whole head within {timeout_s:g} s")
        say(f"wget {printable(target)}: {printable(str(fetch_error(error)))}")
        return False
    return True


def read_target(target: str) -> tuple[str, int]:
    """Return the host and port of `host` or `host:port`. Raises FetchError (usage) for anything else."""
    parts = TARGET.fullmatch(target)
    port = int(parts[2] or HTTP_PORT) if parts else 0
    if not parts or not 1 <= port <= 65535:
        raise FetchError("usage", "a target is host or host:port")
    return parts[1], port
