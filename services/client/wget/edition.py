"""An edition of the tutorial's wget: two functions of a lesson, run for every target.

Each target ends with its head on stdout or with one line on stderr, at its deadline at the latest.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.client.errors import NOTHING_ANSWERED, FetchError, fetch_error
from services.client.topology import Topology
from services.client.trace.pieces import Ended, piece_of_work
from services.client.wget.head_lines import status_line
from services.runtime.http import HTTP_PORT
from services.runtime.terminal import printable, say

if TYPE_CHECKING:
    from services.client.trace.recorder import Recorder

Wget = Callable[[str, int, Topology], Awaitable[None]]
FetchAll = Callable[[Callable[[str], Any], Iterable[str]], Awaitable[None]]

TARGET = re.compile(r"([A-Za-z0-9._-]{1,253})(?::(\d{1,5}))?")
MAX_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Edition:
    """A lesson: how it fetches one host, and how it fetches many."""

    wget: Wget
    fetch_all: FetchAll


async def run_edition(
    edition: Edition,
    targets: Sequence[str],
    topology: Topology,
    *,
    timeout_s: float,
    recorder: "Recorder | None" = None,
) -> int:
    """Fetch every target, MAX_AT_ONCE at most at a time, each within `timeout_s`. `recorder`: where it is traced.

    Returns 0 if all answered, 1 if some did, 4 if none did.
    """
    limit = asyncio.Semaphore(MAX_AT_ONCE)
    answers: list[bool] = []

    async def fetch(target: str) -> None:
        async with limit:
            with piece_of_work(recorder, target) as end:
                end.ended = await fetched(target, topology, wget=edition.wget, timeout_s=timeout_s, recorder=recorder)
            answers.append(end.ended.ok)

    await edition.fetch_all(fetch, targets)
    return exit_code(answers)


def exit_code(answers: Sequence[bool]) -> int:
    """Return 0 if all answered, 1 if some did, 4 if none did."""
    if all(answers):
        return 0
    return 1 if any(answers) else NOTHING_ANSWERED


async def fetched(
    target: str, topology: Topology, *, wget: Wget, timeout_s: float, recorder: "Recorder | None" = None
) -> Ended:
    """Fetch one target and return how that ended; where it did not answer, print one line with the reason on stderr.

    `recorder`: where its phases are noted.
    """
    began_s = recorder.total_s if recorder else 0.0
    try:
        host, port = read_target(target)
        async with asyncio.timeout(timeout_s) as deadline:
            await wget(host, port, topology)
    except (FetchError, OSError, ValueError) as error:
        if isinstance(error, TimeoutError) and deadline.expired():
            error = FetchError("head_timeout", f"no whole head within {timeout_s:g} s")
        reason = printable(str(fetch_error(error)))
        say(f"wget {printable(target)}: {reason}")
        ended = Ended(reason, ok=False)
    else:
        ended = Ended(printable(status_line.get().partition(" ")[2]), ok=True)
    if recorder:
        from services.client.wget.phases import note_phases

        note_phases(recorder, began_s)
    return ended


def read_target(target: str) -> tuple[str, int]:
    """Return the host and port of `host` or `host:port`. Raises FetchError (usage) for anything else."""
    parts = TARGET.fullmatch(target)
    port = int(parts[2] or HTTP_PORT) if parts else 0
    if not parts or not 1 <= port <= 65535:
        raise FetchError("usage", "a target is host or host:port")
    return parts[1], port
